using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Iommus.Software;

/// <summary>Bugs that only a driver can have whose walker is told of any range in one call.</summary>
internal static class SoftwareBugs
{
    private static readonly PlantedBug[] OfAll =
    [
        new(
            "last-page",
            "the end of a range is taken for exclusive where it is inclusive: its last page is not invalidated",
            "M9",
            [Verdict.Missing],
            configuration => PlantedBugs.IsAtOnce(configuration) && configuration.Policy != SyncPolicy.PerPage,
            (machine, run) =>
            {
                ulong page = run.Configuration.Ranges.PageBytes;
                return new Rewritten(
                    machine,
                    run,
                    access => access.Kind == MaintenanceKind.Invalidate && access.Value > page,
                    access => access with { Value = access.Value - page });
            }),
        new(
            "table-free-leaf-only",
            "a table goes, and only translations are invalidated, not the pointer to it",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree],
            configuration => PlantedBugs.IsAtOnce(configuration) && configuration.Release == TableRelease.WhenEmpty,
            (machine, run) => new Rewritten(machine, run, access => access.Level > 0, access => access with { Level = 0 })),
    ];

    private static readonly PlantedBug VisibleBit = new(
        "visible-bit",
        "the bit that says that a pointer has been cleaned is set before it is, so that another thread relies on it",
        "M7",
        [Verdict.Missing],
        configuration => !configuration.Target.HasCoherentWalk
            && configuration is { Release: not TableRelease.WhenEmpty, Policy: SyncPolicy.Gather },
        (machine, run) => new EarlyVisibleBit(machine, run)) { NeedsTwoThreads = true };

    /// <summary>Those that are possible in a format.</summary>
    public static IReadOnlyList<PlantedBug> Of<TFormat>()
        where TFormat : struct, IPageTableFormat => TFormat.SoftwareBit == 0 ? OfAll : [.. OfAll, VisibleBit];
}
