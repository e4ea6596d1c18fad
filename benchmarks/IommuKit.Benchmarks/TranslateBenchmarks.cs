using BenchmarkDotNet.Attributes;
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Benchmarks;

/// <summary>The Tegra210 model from the device's side: translations that hit the TLB, and translations that walk.</summary>
[MemoryDiagnoser]
public class TranslateBenchmarks
{
    private const ulong Iova = 0x4000_0000;

    private TegraMachine _machine = null!;
    private TegraSmmuModel<DeviceMemory> _model = null!;
    private int _source;
    private ulong _next;

    [GlobalSetup]
    public void SetUp()
    {
        _machine = TegraMachine.Create(TegraSoc.Tegra210);
        var domain = _machine.CreateDomain(new DomainOptions());
        domain.Map(Iova, 0x1000_0000, 64 << 20, Protection.Read | Protection.Write);
        domain.Attach(_machine.TestDevice);
        _model = _machine.Model!;
        _source = _machine.CreateDma(_machine.TestDevice).ReadSource;
    }

    [GlobalCleanup]
    public void CleanUp() => _machine.Dispose();

    /// <summary>Always the same page.</summary>
    [Benchmark]
    public bool Hit() => _model.Translate(new DmaRequest(_source, Iova, IsWrite: false)).IsAllowed;

    /// <summary>Another group of pages each time, over 64 MiB: no translation is in the TLB.</summary>
    [Benchmark]
    public bool Miss()
    {
        _next = (_next + (37 << 15)) & ((64 << 20) - 1);
        return _model.Translate(new DmaRequest(_source, Iova + _next, IsWrite: false)).IsAllowed;
    }
}
