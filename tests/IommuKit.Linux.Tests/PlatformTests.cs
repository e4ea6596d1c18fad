using System.Runtime.CompilerServices;
using IommuKit.Linux.Host;
using IommuKit.Linux.Vfio;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Tests;

/// <summary>On other systems everything loads, and what is used first says in a sentence that it needs Linux.</summary>
public sealed class PlatformTests : IDisposable
{
    public PlatformTests()
    {
        HostPlatform.IsElsewhere = true;
    }

    public static TheoryData<string> Ways => [.. s_ways.Keys];

    private static readonly Dictionary<string, Action> s_ways = new()
    {
        ["devices"] = () => VfioHost.Open(["0000:00:04.0"]),
        ["devices by one way"] = () => VfioHost.Open(["0000:00:04.0"], HostBackEnd.LegacyOnly),
        ["devices with options"] = () => VfioHost.Open(["0000:00:04.0"], new VfioHostOptions()),
        ["the machine"] = () => HostInfo.Read(),
        ["memory"] = () => new HostPages().Allocate(1),
        ["huge pages"] = () => new HostPages(usesHugePages: true).Allocate(1),
        ["a file"] = () => HostFile.Create(1),
        ["a file of others"] = () => HostFile.Open(new SafeFileHandle(0, ownsHandle: false)),
    };

    public void Dispose() => HostPlatform.IsElsewhere = false;

    [Theory]
    [MemberData(nameof(Ways))]
    public void The_first_use_says_in_a_sentence_that_it_needs_Linux(string way)
    {
        string message = Should.Throw<PlatformNotSupportedException>(s_ways[way]).Message;
        message.ShouldContain("Linux");
        message.ShouldEndWith(".");
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void To_load_it_asks_for_nothing()
    {
        foreach (var type in typeof(VfioHost).Assembly.GetTypes().Where(type => !type.ContainsGenericParameters))
        {
            Should.NotThrow(() => RuntimeHelpers.RunClassConstructor(type.TypeHandle), type.FullName);
        }

        _ = new HostPages(usesHugePages: true);
        _ = new VfioHostOptions();
        _ = new HostException();
    }

    /// <summary>Each public way in that takes nothing of this library's is one of those above: a new one is added to them.</summary>
    [Fact]
    public void No_way_in_is_forgotten()
    {
        string[] ways =
        [
            .. typeof(VfioHost).Assembly.GetExportedTypes()
                .SelectMany(type => type.GetMethods(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Static)
                    .Where(method => !method.IsSpecialName && type.IsClass
                        && !method.GetParameters().Any(parameter => parameter.ParameterType == typeof(HostGroup) || parameter.ParameterType == typeof(HostDevice)))
                    .Select(method => $"{type.Name}.{method.Name}"))
                .Distinct().Order(StringComparer.Ordinal),
        ];
        ways.ShouldBe(["HostFile.Create", "HostFile.Open", "HostInfo.Read", "VfioHost.Open"]);
    }
}
