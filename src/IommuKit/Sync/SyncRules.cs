using System.Runtime.CompilerServices;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Which maintenance each kind of store needs: the traits of the hardware, as a policy applies them.</summary>
internal readonly struct SyncRules
{
    private const int BitsEach = 8;

    // One byte of Maintenance for each EntryChange.
    private readonly ulong _needs;

    /// <summary>Makes the rules for hardware with these traits.</summary>
    /// <param name="traits">The caches.</param>
    /// <param name="hasDirection">
    /// Whether the flush knows if it follows a map or an unmap. If not, it must do for both what either needs.
    /// </param>
    public SyncRules(FlushTraits traits, bool hasDirection)
    {
        TableCacheLine = traits.TableCacheLine;
        PagesDropInvalidEntries = traits.PagesDropInvalidEntries;
        var clean = traits.HasCoherentWalk ? Maintenance.None : Maintenance.Clean;
        var tableCache = TableCacheLine == 0 ? Maintenance.None : Maintenance.TableCache;
        var tlb = traits.HasTlb ? Maintenance.Tlb : Maintenance.None;
        OnUnmap = clean | tlb | tableCache;
        OnMap = traits.CachesInvalidEntries || !hasDirection ? OnUnmap : clean;
        foreach (var change in Enum.GetValues<EntryChange>())
        {
            var needs = change switch
            {
                EntryChange.LeafWritten or EntryChange.TableLinked or EntryChange.TableMet => OnMap,
                EntryChange.LeafCleared or EntryChange.LeafReplaced or EntryChange.TableUnlinked => OnUnmap,
                EntryChange.NewTableWritten or EntryChange.TableAbandoned => tableCache,
                _ => throw new InvalidOperationException($"There is no rule for {change}."),
            };
            _needs |= (ulong)needs << ((int)change * BitsEach);
        }
    }

    /// <summary>The needs of entries that became valid.</summary>
    public Maintenance OnMap { get; }

    /// <summary>The needs of entries that became vacant.</summary>
    public Maintenance OnUnmap { get; }

    /// <summary>Bytes in a line of the table cache, or 0.</summary>
    public int TableCacheLine { get; }

    /// <inheritdoc cref="FlushTraits.PagesDropInvalidEntries"/>
    public bool PagesDropInvalidEntries { get; }

    /// <summary>What has to be dropped under a pointer to a table that changed.</summary>
    /// <param name="run">The pointer.</param>
    /// <param name="span">Bytes of IOVA that it and those after it translate.</param>
    /// <param name="operation">The range of the operation; empty if there are several.</param>
    public Interval DroppedUnder(in EntryRun run, ulong span, Interval operation)
    {
        var under = Interval.At(run.Iova, span);
        return PagesDropInvalidEntries && run.AddsAccess && operation.Overlaps(under)
            ? new Interval(Math.Max(under.First, operation.First), Math.Min(under.Last, operation.Last))
            : under;
    }

    /// <summary>What a run needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Maintenance For(in EntryRun run) => (Maintenance)(byte)(_needs >> ((int)run.Change * BitsEach));
}
