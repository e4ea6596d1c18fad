using System.Reflection;
using Xunit.Sdk;

namespace IommuKit.Tests.PageTables;

/// <summary>Runs a theory once for each of <see cref="TableSetups"/>, with its name.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EveryFormatAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => TableSetups.All.Select(setup => new object[] { setup.Name });
}
