using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Analysis.Explain;

/// <summary>
/// The reply's other claim: a flush that does not know its direction makes map dearer where map needs no flush. Both kinds of hardware, run with the
/// flush of the proposal and with the split that the reply asks for.
/// </summary>
public static class UndirectedFlush
{
    private const ulong Iova = 0x4000_0000;

    /// <summary>Map on a modelled machine, undirected and split.</summary>
    public static (BenchRow Undirected, BenchRow Split) OnMachine(IommuKind kind, ulong size)
    {
        BenchRow[] rows =
        [
            .. BenchRunner.Run(new BenchOptions { Machines = [kind], Policies = [SyncPolicy.RangeFlush, SyncPolicy.SplitSync], Sizes = [size] })
                .Where(row => row.Operation == MappingOperation.Map),
        ];
        return (rows[0], rows[1]);
    }

    /// <summary>
    /// Map on a walker that sees the CPU's stores and never caches what is not there (an Arm LPAE table walked by software): pages whose translations
    /// the driver had to drop. The page tables are there.
    /// </summary>
    public static (ulong Undirected, ulong Split) PagesDroppedOnCoherentWalker(ulong size) =>
        (PagesDropped(SyncPolicy.RangeFlush, size), PagesDropped(SyncPolicy.SplitSync, size));

    private static ulong PagesDropped(SyncPolicy policy, ulong size)
    {
        const int AddressBits = 40;
        ulong pool = Math.Max(1 << 20, size / 64);
        using var memory = new PhysicalMemory(pool, isCoherent: true);
        ulong bytes = 0;
        using var driver = new SoftwareIommu<ArmLpae<ArmGranule4K, ArmStage1>>(
            new PageAllocator(memory.CpuView, 0, pool),
            new SoftwareIommuOptions
            {
                InputBits = AddressBits,
                OutputBits = AddressBits,
                PageSizes = SmallPage.Bytes,
                Invalidated = gone => bytes += gone.Range.Bytes,
            });
        using var domain = driver.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.Never });
        domain.Map(Iova, Iova, size, Protection.Read | Protection.Write);
        domain.Unmap(Iova, size);
        bytes = 0;
        domain.Map(Iova, Iova, size, Protection.Read | Protection.Write);
        return bytes / SmallPage.Bytes;
    }
}
