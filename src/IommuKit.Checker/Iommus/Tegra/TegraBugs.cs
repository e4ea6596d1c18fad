using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>Bugs that only a driver of the SMMU can have.</summary>
internal static class TegraBugs
{
    private const int EarlyAsidShift = 29;
    private const int LateAsidShift = 24;

    private static readonly PlantedBug[] OfAll =
    [
        PlantedBugs.LeftOut(
            "attach-table-cache",
            "the table cache is not invalidated when a device is attached to a domain that has changed since its last one went",
            "P13",
            configuration => configuration.Release == TableRelease.WhenEmpty,
            CheckOperationKind.Attach,
            (access, _) => PlantedBugs.IsTableCache(access))
            with { Expected = [Verdict.Missing, Verdict.Order], ShowsInFollowUps = true },
        PlantedBugs.LeftOut(
            "detach-table-cache",
            "the table cache is not invalidated when a domain loses its last device",
            "M4",
            Frees,
            CheckOperationKind.Detach,
            (access, _) => PlantedBugs.IsTableCache(access))
            with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order], ShowsInFollowUps = true },

        // Other policies also invalidate the translations of all pages of the range.
        PlantedBugs.LeftOut(
            "table-free-tlb",
            "translations below a table that goes are not invalidated",
            "M4",
            configuration => configuration.Policy == SyncPolicy.Gather && Frees(configuration),
            CheckOperationKind.Unmap,
            (access, _) => PlantedBugs.IsTlb(access) && new TegraTlbFlush((uint)access.Value).Match == TegraTlbFlushMatch.Section),
        new(
            "unaligned-head",
            "lines are counted by the length of a run, wherever it starts",
            "M9",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            (machine, run) => new UndercountedLines(machine, run, machine.TableCacheLine)),
        new(
            "early-free",
            "a table is used for something else before hardware has forgotten it",
            "O5",
            [Verdict.EarlyFree],
            OwesTables,
            (machine, run) => new EarlyReuse(machine, run, isAtFlush: false)),
        new(
            "early-free-flush",
            "tables are given back when what is owed begins to be flushed, and not when that is done",
            "O5",
            [Verdict.EarlyFree],
            OwesTables,
            (machine, run) => new EarlyReuse(machine, run, isAtFlush: true)),
        new(
            "torn-root",
            "another CPU selects its address space in the middle of a detach",
            "O3",
            [Verdict.WrongRoute],
            _ => true,
            (machine, run) => new TornRoot(machine, run)),
    ];

    private static readonly PlantedBug MovedAsid = new(
        "asid-field",
        "the ASID is written where parts with 128 address spaces have it",
        "W4",
        [Verdict.WrongTarget],
        PlantedBugs.IsAtOnce,
        (machine, run) => new Rewritten(machine, run, PlantedBugs.IsTlb, access => access with { Value = MoveAsid(access.Value) }));

    private static readonly PlantedBug Torn = new(
        "torn-flush",
        "another CPU writes the upper half of its address between the halves of a flush",
        "O3",
        [Verdict.WrongTarget],
        PlantedBugs.IsAtOnce,
        (machine, run) => new TornFlush(machine, run));

    /// <summary>Those that one of them can have.</summary>
    public static IReadOnlyList<PlantedBug> Of(TegraSoc soc) =>
        [.. OfAll, .. soc.AsidBits == 2 ? [MovedAsid] : Array.Empty<PlantedBug>(), .. soc.HasPtcFlushHigh ? [Torn] : Array.Empty<PlantedBug>()];

    private static bool Frees(CheckConfiguration configuration) => configuration.Release != TableRelease.Never;

    private static bool OwesTables(CheckConfiguration configuration) =>
        configuration.Policy is SyncPolicy.Deferred or SyncPolicy.Explicit && Frees(configuration);

    private static ulong MoveAsid(ulong value)
    {
        ulong asid = (value >> EarlyAsidShift) & 3;
        return (value & ~(3ul << EarlyAsidShift)) | (asid << LateAsidShift);
    }
}
