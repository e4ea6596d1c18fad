using System.Reflection;
using BenchmarkDotNet.Running;
using IommuKit.Benchmarks;

if (args is ["rows", .. var names])
{
    RowRunner.Run(names);
    return;
}

if (args is ["peer", .. var peers])
{
    PeerRun.Run(peers);
    return;
}

BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args);
