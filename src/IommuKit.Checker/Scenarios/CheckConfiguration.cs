using IommuKit.Checker.Rigs;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Scenarios;

/// <summary>Something to check: an IOMMU with a policy.</summary>
/// <param name="Target">The IOMMU.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Release">When tables are given back.</param>
public sealed record CheckConfiguration(CheckTarget Target, SyncPolicy Policy, TableRelease Release)
{
    // Few enough that a short scenario fills it.
    private const int DeferredCapacity = 2;

    /// <summary>Which part of the address space is looked at.</summary>
    public CheckPlace Place { get; init; }

    /// <summary>The ranges there.</summary>
    public ICheckedRanges Ranges => Place == CheckPlace.Ends ? Target.Ends : Target.Layout;

    /// <summary>The pages that are looked at, in ascending order.</summary>
    public IReadOnlyList<ulong> Pages => Place == CheckPlace.Everywhere ? [.. Target.Layout.Pages.Concat(Target.Ends.Pages).Order()] : Ranges.Pages;

    /// <summary>The same, looking where some operations change something; where that is nowhere that is known, in the middle.</summary>
    public CheckConfiguration Around(IEnumerable<CheckOperation> operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        var ranges = operations.Where(operation => operation.Size != 0).ToList();
        bool isAtEnds = ranges.Exists(Touches(Target.Ends));
        return this with
        {
            Place = !isAtEnds ? CheckPlace.Tables : ranges.Exists(Touches(Target.Layout)) ? CheckPlace.Everywhere : CheckPlace.Ends,
        };
    }

    /// <summary>Whether a page that is looked at lies in the range of one of some operations.</summary>
    public bool LooksAt(IEnumerable<CheckOperation> operations) => operations.Any(operation => operation.Size != 0 && Pages.Any(operation.Covers));

    private static Predicate<CheckOperation> Touches(ICheckedRanges ranges) => operation => ranges.Pages.Any(operation.Covers);

    /// <summary>Builds a machine.</summary>
    public CheckRig CreateMachine() => Target.Create(new CheckSettings
    {
        Domain = new DomainOptions
        {
            Policy = Policy,
            Release = Release,
            PageSizes = Target.PageSizes,
            FlushAllPages = Target.FlushAllPages,
            DeferredCapacity = DeferredCapacity,
            DeferredAge = Timeout.InfiniteTimeSpan,
            ExplicitCapacity = Target.ExplicitCapacity == 0 ? new DomainOptions().ExplicitCapacity : Target.ExplicitCapacity,
        },
        Pages = Pages,
        PoolBytes = Place == CheckPlace.Tables ? Target.PoolBytes : Target.PoolBytesAtEnds,
        Tuning = Target.Tuning,
    });

    /// <inheritdoc/>
    public override string ToString() => $"{Target.Name}/{Policy}/{Release}";
}
