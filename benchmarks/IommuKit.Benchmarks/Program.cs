using System.Reflection;
using BenchmarkDotNet.Running;
using IommuKit.Benchmarks;

if (args is ["rows", .. var filter])
{
    RowRunner.Run([.. Rows.All().Where(row => filter.Length == 0 || filter.Any(part => row.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))]);
    return;
}

if (args is ["peer", .. var peers])
{
    PeerRun.Run(peers);
    return;
}

BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args);
