using IommuKit.Specs.Vtd;

namespace IommuKit.Traces.Audit;

/// <summary>An event that drops translations from the IOTLB, wherever the trace has it from.</summary>
/// <param name="Line">Its line.</param>
/// <param name="Nanoseconds">Its time; negative if it has none.</param>
/// <param name="Scope">How much it drops.</param>
/// <param name="First">First IOVA; 0 unless it drops pages.</param>
/// <param name="Last">Last IOVA; that of the whole space unless it drops pages.</param>
public readonly record struct Invalidation(long Line, long Nanoseconds, InvalidationScope Scope, ulong First, ulong Last)
{
    /// <summary>The unit of VT-d.</summary>
    public ushort Unit { get; private init; }

    /// <summary>The domain; 0 if all of them are meant.</summary>
    public ushort DomainId { get; private init; }

    /// <summary>Whether it drops paging-structure caches too: known, and IH = 0.</summary>
    public bool DropsWalkCaches { get; private init; }

    /// <summary>
    /// Whether it is for a first-stage table, whose entries that are not present no hardware may cache (VT-d specification, section 6.1).
    /// </summary>
    public bool IsFirstStage { get; private init; }

    /// <summary>Whether the kernel says itself that it follows a map.</summary>
    public bool IsAfterMap { get; private init; }

    /// <summary>Whether it is a flush of a cache tag rather than a descriptor of the queue.</summary>
    public bool IsCacheTag { get; private init; }

    /// <summary>How many pages it drops; 0 unless it drops pages.</summary>
    public ulong Pages => Scope == InvalidationScope.Pages ? ((Last - First) / SmallPage.Bytes) + 1 : 0;

    /// <summary>
    /// Whether it repeats another: for a further unit or tag, as each needs one; or as the descriptor for the flush of a tag, which can be wider than
    /// what the tag was asked for.
    /// </summary>
    public bool Repeats(in Invalidation other) =>
        ((Unit != other.Unit || (IsCacheTag | other.IsCacheTag)) && Scope == other.Scope && First == other.First && Last == other.Last)
        || (other.IsCacheTag && !IsCacheTag && Unit == other.Unit && DomainId == other.DomainId && First <= other.First && Last >= other.Last);

    /// <summary>Takes an event for what it drops.</summary>
    /// <returns>False if it drops no translations of the IOTLB.</returns>
    public static bool TryGet(in TraceEvent traceEvent, out Invalidation invalidation)
    {
        if (traceEvent.Kind == TraceEventKind.CacheTagFlush)
        {
            bool isAll = traceEvent.Size == 0;
            invalidation = new Invalidation(
                traceEvent.Line,
                traceEvent.Nanoseconds,
                isAll ? InvalidationScope.Domain : InvalidationScope.Pages,
                isAll ? 0 : traceEvent.Iova,
                isAll ? ulong.MaxValue : traceEvent.LastIova)
            {
                Unit = traceEvent.Unit,
                DomainId = traceEvent.DomainId,
                IsAfterMap = (traceEvent.Flush & CacheTagFlush.AfterMap) != 0,
                IsCacheTag = true,
            };
            return (traceEvent.Flush & CacheTagFlush.DeviceTlb) == 0;
        }

        var descriptor = traceEvent.Descriptor;
        if (traceEvent.Kind != TraceEventKind.QueueSubmit || !descriptor.DropsTranslations)
        {
            invalidation = default;
            return false;
        }

        bool isPages = descriptor.Granularity == VtdGranularity.Selective;
        invalidation = new Invalidation(
            traceEvent.Line,
            traceEvent.Nanoseconds,
            isPages ? InvalidationScope.Pages : descriptor.Granularity == VtdGranularity.Domain ? InvalidationScope.Domain : InvalidationScope.Global,
            isPages ? descriptor.Address : 0,
            isPages ? descriptor.LastAddress : ulong.MaxValue)
        {
            Unit = traceEvent.Unit,
            DomainId = descriptor.Granularity == VtdGranularity.Global ? (ushort)0 : descriptor.DomainId,
            DropsWalkCaches = isPages && !descriptor.InvalidationHint,
            IsFirstStage = descriptor.Type == VtdInvalidationType.PasidIotlb,
        };
        return true;
    }
}
