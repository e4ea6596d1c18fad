using IommuKit.Domains;
using IommuKit.Lab.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Checker.Planted;

/// <summary>
/// Every planted bug: at least one of each kind that real drivers had. "Reference" names the real one as facts about Linux, NVIDIA's kernels and Xen number it in
/// docs/checker.md.
/// </summary>
public static class PlantedBugs
{
    private const int EarlyAsidShift = 29;
    private const int LateAsidShift = 24;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        Left("map-clean", "no line is cleaned on map", "M5", CheckOperationKind.Map, IsClean),
        Left("map-table-cache", "the table cache is not invalidated on map", "M6", CheckOperationKind.Map, IsTableCache) with { AppliesTo = NotExplicit },
        Left("map-tlb", "the TLB is not invalidated on map", "M6", CheckOperationKind.Map, IsTlb) with { AppliesTo = NotExplicit },
        Left("unmap-clean", "no line is cleaned on unmap", "M8", CheckOperationKind.Unmap, IsClean) with { AppliesTo = NotExplicit },
        Left("unmap-table-cache", "the table cache is not invalidated on unmap", "M1", CheckOperationKind.Unmap, IsTableCache) with { AppliesTo = NotDeferred },
        Left("unmap-tlb", "the TLB is not invalidated on unmap", "M1", CheckOperationKind.Unmap, IsTlb) with { AppliesTo = NotDeferred },
        Left("table-free-tlb", "translations below a table that goes are not invalidated", "M4", CheckOperationKind.Unmap, IsSectionFlush)
            with { AppliesTo = FreesTables },
        Left("barrier", "nobody waits for cleans", "O2", null, access => access.Kind == MaintenanceKind.Barrier),
        Left("wait", "nobody waits for invalidations", "O5", null, access => access is { Kind: MaintenanceKind.RegisterRead, Purpose: RegisterPurpose.Completion })
            with { Expected = [Verdict.NotComplete] },
        Left("deferred-reuse", "an IOVA is mapped again before the queue is drained", "O5", CheckOperationKind.Map, IsFlushOfAll)
            with { AppliesTo = configuration => configuration.Policy == SyncPolicy.Deferred, Expected = [Verdict.Missing, Verdict.EarlyFree] },
        new("first-line-cleaned", "of a run only the first line is cleaned", "M5", [Verdict.Missing], IsTegra, (machine, run) => new ShortClean(machine, run)),
        new(
            "first-table-cache-line",
            "of a run only the first line of the table cache is invalidated",
            "M9",
            [Verdict.Missing],
            IsTegraByRange,
            (machine, run) => new OnlyFirstOfRun(machine, run, TegraMc.PtcFlush)),
        new(
            "first-tlb-group",
            "of a run only the first TLB group is invalidated",
            "M9",
            [Verdict.Missing],
            IsTegraByRange,
            (machine, run) => new OnlyFirstOfRun(machine, run, TegraMc.TlbFlush)),
        new(
            "unaligned-head",
            "lines are counted by the length of a run, wherever it starts",
            "M9",
            [Verdict.Missing],
            IsTegraByRange,
            (machine, run) => new UndercountedLines(machine, run, machine.TableCacheLine)),
        new("tlb-before-table-cache", "the TLB is invalidated before the table cache", "O6", [Verdict.Order], NotDeferred, (machine, run) => new TlbBeforeTableCache(machine, run)),
        new(
            "asid-field",
            "the ASID is written where parts with 128 address spaces have it",
            "W4",
            [Verdict.WrongTarget],
            configuration => NotDeferred(configuration) && TegraOf(configuration) is { AsidBits: 2 },
            (machine, run) => new RewrittenValue(machine, run, TegraMc.TlbFlush, MoveAsid)),
        new(
            "torn-flush",
            "another CPU writes the upper half of its address between the halves of a flush",
            "O3",
            [Verdict.WrongTarget],
            configuration => NotDeferred(configuration) && TegraOf(configuration) is { HasPtcFlushHigh: true },
            (machine, run) => new TornFlush(machine, run)),
        new(
            "early-free",
            "a table is used for something else before hardware has forgotten it",
            "O5",
            [Verdict.EarlyFree],
            configuration => configuration is { Policy: SyncPolicy.Deferred or SyncPolicy.Explicit, Release: not TableRelease.Never } && IsTegra(configuration),
            (machine, run) => new EarlyReuse(machine, run, CheckTargets.Find(machine.Name)!.Layout)),
    ];

    /// <summary>The bug of that name, or null.</summary>
    public static PlantedBug? Find(string name) => All.FirstOrDefault(bug => string.Equals(bug.Name, name, StringComparison.OrdinalIgnoreCase));

    private static PlantedBug Left(
        string name, string description, string reference, CheckOperationKind? during, Func<MaintenanceStep, bool> isLeftOut) =>
        new(name, description, reference, [Verdict.Missing], IsTegra, (machine, run) => new Omission(machine, run, during, isLeftOut));

    private static bool IsClean(MaintenanceStep access) => access.Kind == MaintenanceKind.Clean;

    private static bool IsTableCache(MaintenanceStep access) =>
        access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.TableCacheInvalidation };

    private static bool IsTlb(MaintenanceStep access) => access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.TlbInvalidation };

    private static bool IsSectionFlush(MaintenanceStep access) =>
        IsTlb(access) && new TegraTlbFlush((uint)access.Value).Match == TegraTlbFlushMatch.Section;

    private static bool IsFlushOfAll(MaintenanceStep access) =>
        (IsTlb(access) && new TegraTlbFlush((uint)access.Value).Match == TegraTlbFlushMatch.All)
        || (IsTableCache(access) && access.Address == TegraMc.PtcFlush && !new TegraPtcFlush((uint)access.Value).IsLine);

    private static ulong MoveAsid(ulong value)
    {
        ulong asid = (value >> EarlyAsidShift) & 3;
        return (value & ~(3ul << EarlyAsidShift)) | (asid << LateAsidShift);
    }

    private static TegraSoc? TegraOf(CheckConfiguration configuration) => TegraSoc.All.FirstOrDefault(soc => soc.Name == configuration.Target.Name);

    private static bool IsTegra(CheckConfiguration configuration) => TegraOf(configuration) is not null;

    private static bool IsTegraByRange(CheckConfiguration configuration) => IsTegra(configuration) && configuration.Policy != SyncPolicy.PerPage;

    // A deferred unmap has nothing of that to do, and the drain flushes everything.
    private static bool NotDeferred(CheckConfiguration configuration) =>
        IsTegra(configuration) && configuration.Policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit);

    // The flush is an operation of its own.
    private static bool NotExplicit(CheckConfiguration configuration) => IsTegra(configuration) && configuration.Policy != SyncPolicy.Explicit;

    // Other policies also invalidate the translations of all pages of the range.
    private static bool FreesTables(CheckConfiguration configuration) =>
        IsTegra(configuration) && configuration is { Policy: SyncPolicy.Gather, Release: not TableRelease.Never };
}
