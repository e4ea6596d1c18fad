using BenchmarkDotNet.Attributes;
using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Benchmarks;

/// <summary>Domains of a Tegra210 with registers that do nothing: checks, engine, policy and driver. One operation is a map and its unmap.</summary>
[MemoryDiagnoser]
public class DomainBenchmarks
{
    private const ulong Iova = 0x4000_0000;
    private const ulong Page = 4096;

    private Machine _machine = null!;
    private IommuDomain _domain = null!;

    [Params(1, 32, 1024)]
    public int Pages { get; set; }

    [ParamsAllValues]
    public SyncPolicy Policy { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _machine = MachineCatalog.Find("tegra210")!.Create(new MachineSettings { HasModel = false, HasMeter = false });
        _domain = _machine.Driver.CreateDomain(new DomainOptions { Policy = Policy, Release = TableRelease.Never });
        _domain.Attach(_machine.TestDevice);
        ulong bytes = (ulong)Pages * Page;
        var error = _domain.TryMap(Iova, 0x1000_1000, bytes, Protection.Read | Protection.Write);
        if (error != IommuError.None || _domain.Unmap(Iova, bytes) != bytes)
        {
            throw new InvalidOperationException($"What is to be measured does not work: {error}.");
        }
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _domain.Dispose();
        _machine.Dispose();
    }

    [Benchmark]
    public ulong MapAndUnmap()
    {
        _domain.TryMap(Iova, 0x1000_1000, (ulong)Pages * Page, Protection.Read | Protection.Write);
        return _domain.Unmap(Iova, (ulong)Pages * Page);
    }
}
