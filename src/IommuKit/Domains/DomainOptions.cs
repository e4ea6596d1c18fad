using IommuKit.PageTables;
using IommuKit.Sync;

namespace IommuKit.Domains;

/// <summary>What is chosen when a domain is made.</summary>
public sealed record DomainOptions
{
    private const int MaxDeferredCapacity = 1 << 20;
    private const int MaxExplicitCapacity = 1 << 16;

    // What timers can wait for: 49 days.
    private const double MaxDeferredMilliseconds = uint.MaxValue - 1;

    /// <summary>When maintenance is done.</summary>
    public SyncPolicy Policy { get; init; } = SyncPolicy.Gather;

    /// <summary>Page sizes to use, a subset of what the hardware supports; 0 means the driver's choice.</summary>
    public ulong PageSizes { get; init; }

    /// <summary>When unmaps give tables back; null means the driver's choice.</summary>
    public TableRelease? Release { get; init; }

    /// <summary>
    /// Whether an unmap of part of a large page keeps the rest as smaller pages; see <see cref="PageTableOptions.SplitsPages"/>. The operations of
    /// such a domain take a lock.
    /// </summary>
    public bool SplitsPages { get; init; }

    /// <summary>
    /// From how many pages on a synchronisation drops everything cached of the domain instead of ranges; 0 means never. Not used by
    /// <see cref="SyncPolicy.PerPage"/>. NVIDIA's kernels used 512 on Tegra.
    /// </summary>
    public int FlushAllPages { get; init; }

    /// <summary>
    /// With <see cref="SyncPolicy.Deferred"/>: how many unmaps may wait, at most 2^20. Threads that meet in unmaps get queues of their own, as many
    /// as there are processors, up to 8: then it is how many may wait in each. Linux: 255 for each CPU.
    /// </summary>
    public int DeferredCapacity { get; init; } = 255;

    /// <summary>
    /// With <see cref="SyncPolicy.Deferred"/>: how long an unmap may wait until a timer of <see cref="Clock"/> flushes it;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for no timer. Linux: 10 ms.
    /// </summary>
    public TimeSpan DeferredAge { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// With <see cref="SyncPolicy.Deferred"/>: told of each unmap, by its first IOVA and its bytes, when no device can reach it any more: then the
    /// IOVA may be given out again without a flush. It is called on the thread that flushed, which may be the timer's, outside the domain's locks,
    /// and may use the domain. What it throws reaches the caller of that operation, or of the next one if the timer flushed, after it was told of all others.
    /// </summary>
    public Action<ulong, ulong>? UnmapFlushed { get; init; }

    /// <summary>Told instead of <see cref="UnmapFlushed"/>, of all unmaps of a flush at once, and by what they were tagged with.</summary>
    internal IUnmapListener? UnmapListener { get; init; }

    /// <summary>
    /// With <see cref="SyncPolicy.Explicit"/>: how many runs of neighbouring entries are remembered until the caller flushes, 1 to 65,536, where
    /// threads meet for each of them as with <see cref="DeferredCapacity"/>. When there are more, the next flush drops everything that is cached of
    /// the domain.
    /// </summary>
    public int ExplicitCapacity { get; init; } = 4096;

    /// <summary>The clock whose timer ends <see cref="DeferredAge"/>.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Counts what the domain does; null for no counting.</summary>
    public DomainCounters? Counters { get; init; }

    /// <summary>
    /// With <see cref="SyncPolicy.PerPage"/>, before hardware that only counts: counts the maintenance of a page for its neighbours. Formats with
    /// groups of entries do without. Null: each page has its own.
    /// </summary>
    public IPageTally? Tally { get; init; }

    internal void Validate()
    {
        if (!Enum.IsDefined(Policy) || (Release is { } release && !Enum.IsDefined(release)))
        {
            throw new IommuException(IommuError.EINVAL, $"There is no policy {Policy} or release rule {Release}.");
        }

        if (Clock is null)
        {
            throw new IommuException(IommuError.EINVAL, "A domain needs a clock.");
        }

        bool isAge = DeferredAge == Timeout.InfiniteTimeSpan
            || (DeferredAge >= TimeSpan.Zero && DeferredAge.TotalMilliseconds <= MaxDeferredMilliseconds);
        if (FlushAllPages < 0 || DeferredCapacity is < 1 or > MaxDeferredCapacity || !isAge)
        {
            throw new IommuException(
                IommuError.EINVAL,
                $"A domain cannot have FlushAllPages {FlushAllPages}, DeferredCapacity {DeferredCapacity} and DeferredAge {DeferredAge}.");
        }

        if (ExplicitCapacity is < 1 or > MaxExplicitCapacity)
        {
            throw new IommuException(
                IommuError.EINVAL, $"A domain can remember 1 to {MaxExplicitCapacity} runs of entries, not ExplicitCapacity {ExplicitCapacity}.");
        }
    }
}
