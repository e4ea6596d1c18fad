using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Verdict;

/// <summary>Compares ways to flush with the recorded one, which is the baseline.</summary>
internal sealed class OptionMaker(AuditResult audit, long flushes, FlushTimes? times, BurstFlushes bursts, LazyFlushes lazy, bool hasTimes)
{
    // Flushes that are not for unmaps stay whatever is done about those.
    private long Others => audit.Coverage is { } coverage ? coverage.MapTime + coverage.ContextChanges : 0;

    private double Mean => times is { Count: not 0 } ? (double)times.Sum / times.Count : 0;

    public IReadOnlyList<FlushOption> Make()
    {
        bool isRecorded = flushes != 0;

        // Without unmaps there is nothing to flush otherwise; without maps bursts, and the ranges in them, do not end where they did.
        bool hasUnmaps = audit.Unmaps != 0;
        bool hasGroups = hasUnmaps && audit.Maps != 0;
        return
        [
            new FlushOption
            {
                Kind = FlushOptionKind.Recorded,
                Flushes = isRecorded ? flushes : null,
                SavedNanoseconds = times is null ? null : 0,
                Pages = isRecorded ? audit.Coverage?.PagesAtOnce : null,
                Nanoseconds = isRecorded && hasTimes ? audit.Coverage?.WindowNanoseconds : null,
            },
            hasGroups ? Of(FlushOptionKind.Range, bursts.ByRange, bursts.ByRange.Flushes + Others) : Unknown(FlushOptionKind.Range),
            hasGroups ? Of(FlushOptionKind.Burst, bursts.ByBurst, BurstCount) : Unknown(FlushOptionKind.Burst),
            hasUnmaps ? Lazy() : Unknown(FlushOptionKind.Lazy),
        ];
    }

    // Where the audit says how many flushes bursts would save, both say the same.
    private long BurstCount => audit.Findings.FirstOrDefault(finding => finding.Id == "not-batched") is { } batch
        ? flushes - batch.Cost
        : bursts.ByBurst.Flushes + Others;

    private static FlushOption Unknown(FlushOptionKind kind) => new() { Kind = kind, Flushes = null, Pages = null, Nanoseconds = null };

    private FlushOption Of(FlushOptionKind kind, GroupedFlushes grouped, long count) => new()
    {
        Kind = kind,
        Flushes = count,
        SavedNanoseconds = times is null ? null : count > flushes ? (long)((flushes - count) * Mean) : grouped.Saved,
        Pages = grouped.Pages,
        Nanoseconds = hasTimes ? grouped.Nanoseconds : null,
    };

    /// <summary>Without times its timer cannot be followed, and most of its flushes come from that.</summary>
    private FlushOption Lazy()
    {
        long count = lazy.Result.Flushes + Others;
        return new FlushOption
        {
            Kind = FlushOptionKind.Lazy,
            Flushes = hasTimes ? count : null,
            SavedNanoseconds = times is null ? null : (long)((flushes - count) * Mean),
            Pages = hasTimes ? lazy.Result.Pages : null,
            Nanoseconds = hasTimes ? lazy.Result.Nanoseconds : null,
        };
    }
}
