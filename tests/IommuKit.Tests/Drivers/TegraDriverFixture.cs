using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers;

/// <summary>A Tegra driver on registers that write down every access.</summary>
public abstract class TegraDriverFixture : IDisposable
{
    private protected const Protection ReadWrite = Protection.Read | Protection.Write;
    private protected const ulong Pool = 0x1_0000_0000;

    private readonly PhysicalMemory _memory = new(1ul << 34, isCoherent: true);

    private protected BusLog Bus { get; } = new();

    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected uint Entry(ulong address) => BitConverter.ToUInt32(_memory.CpuView.Span(address, 4));

    private protected PageAllocator Allocator(ulong pool) => new(_memory.CpuView, pool, 1 << 20);

    private protected TegraSmmuDriver Make(string soc, TegraDriverOptions? options = null, BusLog? ahb = null, ulong pool = Pool) =>
        new(TegraSoc.All.Single(candidate => candidate.Name == soc), Bus, Bus, Allocator(pool), options, ahb ?? new BusLog());

    private protected IommuDomain MakeAttached(
        string soc, SyncPolicy policy, TegraDriverOptions? options = null, ulong pool = Pool, TableRelease? release = null)
    {
        var driver = Make(soc, options, pool: pool);
        var domain = driver.CreateDomain(new DomainOptions { Policy = policy, Release = release, Clock = new ManualClock() });
        domain.Attach(driver.Devices[0]);
        Bus.Calls.Clear();
        return domain;
    }
}
