using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Planted;

/// <summary>Every planted bug: at least one of each kind that real drivers had. docs/checker.md lists the real ones by their references.</summary>
public static class PlantedBugs
{
    private const int EarlyAsidShift = 29;
    private const int LateAsidShift = 24;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        Left("map-clean", "no line is cleaned on map", "M7", IsNotCoherent, CheckOperationKind.Map, IsClean),
        Left("map-table-cache", "the table cache is not invalidated on map", "M6", IsTegraWithMaps, CheckOperationKind.Map, IsTableCache),
        Left("map-tlb", "the TLB is not invalidated on map", "M6", IsNegativeWithMaps, CheckOperationKind.Map, IsTlb),
        Left("unmap-clean", "no line is cleaned on unmap", "M8", IsNotCoherent, CheckOperationKind.Unmap, IsClean),
        Left("unmap-table-cache", "the table cache is not invalidated on unmap", "M1", IsTegraAtOnce, CheckOperationKind.Unmap, IsTableCache),
        Left("unmap-tlb", "the TLB is not invalidated on unmap", "M1", IsAtOnce, CheckOperationKind.Unmap, IsTlb),
        Left("attach-tlb", "the TLB is not invalidated when a device is attached", "M1", IsTegra, CheckOperationKind.Attach, IsTlb),
        Left(
            "attach-table-cache",
            "the table cache is not invalidated when a device is attached to a domain that has changed since its last one went",
            "P13",
            IsTegraThatEmpties,
            CheckOperationKind.Attach,
            IsTableCache) with { Expected = [Verdict.Missing, Verdict.Order], ShowsInFollowUps = true },
        Left(
            "detach-table-cache",
            "the table cache is not invalidated when a domain loses its last device",
            "M4",
            IsTegraThatFrees,
            CheckOperationKind.Detach,
            IsTableCache)
            with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order], ShowsInFollowUps = true },
        Left(
            "table-free-tlb",
            "translations below a table that goes are not invalidated",
            "M4",
            IsTegraThatGathers,
            CheckOperationKind.Unmap,
            IsSectionFlush),
        Left("barrier", "nobody waits for cleans", "O2", configuration => !configuration.Target.HasCoherentWalk, null, IsBarrier),
        Left("fence", "the CPU goes on before its stores are visible", "O2", IsCoherentAtOnce, null, IsBarrier)
            with { Expected = [Verdict.Missing, Verdict.Order] },
        Left("wait", "nobody waits for invalidations", "O5", IsTegra, null, IsWait) with { Expected = [Verdict.NotComplete] },
        Left("deferred-reuse", "an IOVA is mapped again before the queue is drained", "O5", IsDeferred, CheckOperationKind.Map, IsFlushOfAll)
            with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order] },
        Left(
            "scatter-reuse",
            "an IOVA is mapped to a scatter list before the queue is drained",
            "O5",
            IsDeferred,
            CheckOperationKind.Scatter,
            IsFlushOfAll) with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order], ShowsInFollowUps = true },
        new(
            "first-line-cleaned",
            "of a run only the first line is cleaned",
            "M5",
            [Verdict.Missing],
            configuration => !configuration.Target.HasCoherentWalk,
            (machine, run) => new ShortClean(machine, run)),
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
            "last-page",
            "the end of a range is taken for exclusive where it is inclusive: its last page is not invalidated",
            "M9",
            [Verdict.Missing],
            configuration => !IsTegra(configuration) && IsAtOnce(configuration) && configuration.Policy != SyncPolicy.PerPage,
            (machine, run) => new Rewritten(
                machine,
                run,
                access => access.Kind == MaintenanceKind.Invalidate && access.Value > OnePage,
                access => access with { Value = access.Value - OnePage })),
        new(
            "unaligned-head",
            "lines are counted by the length of a run, wherever it starts",
            "M9",
            [Verdict.Missing],
            IsTegraByRange,
            (machine, run) => new UndercountedLines(machine, run, machine.TableCacheLine)),
        new(
            "tlb-before-table-cache",
            "the TLB is invalidated before the table cache",
            "O6",
            [Verdict.Order],
            IsTegraAtOnce,
            (machine, run) => new TlbBeforeTableCache(machine, run)),
        new(
            "table-free-leaf-only",
            "a table goes, and only translations are invalidated, not the pointer to it",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree],
            configuration => !IsTegra(configuration) && IsAtOnce(configuration) && configuration.Release == TableRelease.WhenEmpty,
            (machine, run) => new Rewritten(machine, run, access => access.Level > 0, access => access with { Level = 0 })),
        new(
            "asid-field",
            "the ASID is written where parts with 128 address spaces have it",
            "W4",
            [Verdict.WrongTarget],
            configuration => IsTegraAtOnce(configuration) && configuration.Target.Tegra is { AsidBits: 2 },
            (machine, run) => new Rewritten(machine, run, IsTlb, access => access with { Value = MoveAsid(access.Value) })),
        new(
            "torn-flush",
            "another CPU writes the upper half of its address between the halves of a flush",
            "O3",
            [Verdict.WrongTarget],
            configuration => IsTegraAtOnce(configuration) && configuration.Target.Tegra is { HasPtcFlushHigh: true },
            (machine, run) => new TornFlush(machine, run)),
        new(
            "early-free",
            "a table is used for something else before hardware has forgotten it",
            "O5",
            [Verdict.EarlyFree],
            configuration => IsTegra(configuration)
                && configuration is { Policy: SyncPolicy.Deferred or SyncPolicy.Explicit, Release: not TableRelease.Never },
            (machine, run) => new EarlyReuse(machine, run, CheckTargets.Find(machine.Name)!.Layout, isAtFlush: false)),
        new(
            "early-free-flush",
            "tables are given back when what is owed begins to be flushed, and not when that is done",
            "O5",
            [Verdict.EarlyFree],
            configuration => IsTegra(configuration)
                && configuration is { Policy: SyncPolicy.Deferred or SyncPolicy.Explicit, Release: not TableRelease.Never },
            (machine, run) => new EarlyReuse(machine, run, CheckTargets.Find(machine.Name)!.Layout, isAtFlush: true)),
        new(
            "torn-root",
            "another CPU selects its address space in the middle of a detach",
            "O3",
            [Verdict.WrongRoute],
            IsTegra,
            (machine, run) => new TornRoot(machine, run)),
        new(
            "visible-bit",
            "the bit that says that a pointer has been cleaned is set before it is, so that another thread relies on it",
            "M7",
            [Verdict.Missing],
            configuration => configuration.Target is { HasCoherentWalk: false, Tegra: null } && configuration.Target.HasSoftwareBit
                && configuration is { Release: not TableRelease.WhenEmpty, Policy: SyncPolicy.Gather },
            (machine, run) => new EarlyVisibleBit(machine, run)) { NeedsTwoThreads = true },
    ];

    private const ulong OnePage = 1 << 12;

    /// <summary>The bug of that name, or null.</summary>
    public static PlantedBug? Find(string name) => All.FirstOrDefault(bug => string.Equals(bug.Name, name, StringComparison.OrdinalIgnoreCase));

    private static PlantedBug Left(
        string name,
        string description,
        string reference,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<MaintenanceStep, bool> isLeftOut) =>
        new(name, description, reference, [Verdict.Missing], appliesTo, (machine, run) => new Omission(machine, run, during, isLeftOut));

    private static bool IsClean(MaintenanceStep access) => access.Kind == MaintenanceKind.Clean;

    private static bool IsBarrier(MaintenanceStep access) => access.Kind == MaintenanceKind.Barrier;

    private static bool IsWait(MaintenanceStep access) => access is { Kind: MaintenanceKind.RegisterRead, Purpose: RegisterPurpose.Completion };

    private static bool IsTableCache(MaintenanceStep access) =>
        access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.TableCacheInvalidation };

    private static bool IsTlb(MaintenanceStep access) =>
        access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.TlbInvalidation } or { Kind: MaintenanceKind.Invalidate };

    private static bool IsSectionFlush(MaintenanceStep access) =>
        IsTlb(access) && new TegraTlbFlush((uint)access.Value).Match == TegraTlbFlushMatch.Section;

    private static bool IsFlushOfAll(MaintenanceStep access) => access.Kind switch
    {
        MaintenanceKind.Invalidate => access.Value == ulong.MaxValue,
        MaintenanceKind.RegisterWrite => access.Address == TegraMc.PtcFlush
            ? !new TegraPtcFlush((uint)access.Value).IsLine
            : IsTlb(access) && new TegraTlbFlush((uint)access.Value).Match == TegraTlbFlushMatch.All,
        _ => false,
    };

    private static ulong MoveAsid(ulong value)
    {
        ulong asid = (value >> EarlyAsidShift) & 3;
        return (value & ~(3ul << EarlyAsidShift)) | (asid << LateAsidShift);
    }

    private static bool IsTegra(CheckConfiguration configuration) => configuration.Target.Tegra is not null;

    // A walker that remembers what is not present has the range invalidated by the map as well; that only leaves the table that may have gone.
    private static bool IsDeferred(CheckConfiguration configuration) => configuration.Policy == SyncPolicy.Deferred
        && (IsTegra(configuration) || !configuration.Target.CachesInvalidEntries);

    // Under Explicit the flush is an operation of its own.
    private static bool HasSyncedMaps(CheckConfiguration configuration) => configuration.Policy != SyncPolicy.Explicit;

    private static bool IsNotCoherent(CheckConfiguration configuration) => !configuration.Target.HasCoherentWalk && HasSyncedMaps(configuration);

    private static bool IsTegraWithMaps(CheckConfiguration configuration) => IsTegra(configuration) && HasSyncedMaps(configuration);

    private static bool IsNegativeWithMaps(CheckConfiguration configuration) =>
        configuration.Target.CachesInvalidEntries && HasSyncedMaps(configuration);

    // Policies under which an unmap invalidates before it returns.
    private static bool IsAtOnce(CheckConfiguration configuration) => configuration.Policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit);

    private static bool IsCoherentAtOnce(CheckConfiguration configuration) => configuration.Target.HasCoherentWalk && IsAtOnce(configuration);

    private static bool IsTegraAtOnce(CheckConfiguration configuration) => IsTegra(configuration) && IsAtOnce(configuration);

    // A domain that owes more than it remembers drops everything.
    private static bool IsTegraByRange(CheckConfiguration configuration) => IsTegra(configuration)
        && configuration.Policy != SyncPolicy.PerPage
        && !(configuration.Policy == SyncPolicy.Explicit && configuration.Target.ExplicitCapacity != 0);

    // A table that goes because it is covered is dropped from the cache whole.
    private static bool IsTegraThatEmpties(CheckConfiguration configuration) =>
        IsTegra(configuration) && configuration.Release == TableRelease.WhenEmpty;

    private static bool IsTegraThatFrees(CheckConfiguration configuration) => IsTegra(configuration) && configuration.Release != TableRelease.Never;

    // Other policies also invalidate the translations of all pages of the range.
    private static bool IsTegraThatGathers(CheckConfiguration configuration) =>
        IsTegra(configuration) && configuration is { Policy: SyncPolicy.Gather, Release: not TableRelease.Never };
}
