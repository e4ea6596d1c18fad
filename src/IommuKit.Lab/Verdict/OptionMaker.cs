using IommuKit.Lab.Audit;

namespace IommuKit.Lab.Verdict;

/// <summary>Compares ways to flush with the recorded one, which is the baseline.</summary>
internal sealed class OptionMaker(AuditResult audit, long flushes, FlushTimes? times, BurstFlushes bursts, LazyFlushes lazy, bool hasTimes)
{
    // Flushes that are not for unmaps stay whatever is done about those.
    private long Others => audit.Coverage is { } coverage ? coverage.MapTime + coverage.ContextChanges : 0;

    private double Mean => times is { Count: not 0 } ? (double)times.Sum / times.Count : 0;

    public IReadOnlyList<FlushOption> Make()
    {
        bool isRecorded = flushes != 0;
        return
        [
            new FlushOption
            {
                Kind = FlushOptionKind.Recorded,
                Flushes = isRecorded ? flushes : null,
                SavedNanoseconds = times is null ? null : 0,
                Pages = isRecorded ? audit.Coverage?.WindowStalePages : null,
                Nanoseconds = isRecorded && hasTimes ? audit.Coverage?.WindowNanoseconds : null,
            },
            Of(FlushOptionKind.Range, bursts.ByRange),
            Of(FlushOptionKind.Burst, bursts.ByBurst),
            Of(FlushOptionKind.Lazy, lazy.Result, isAtLeast: !hasTimes),
        ];
    }

    private FlushOption Of(FlushOptionKind kind, GroupedFlushes grouped, bool isAtLeast = false)
    {
        long count = grouped.Flushes + Others;
        return new FlushOption
        {
            Kind = kind,
            Flushes = count,
            IsAtLeast = isAtLeast,
            SavedNanoseconds = times is null ? null : (long)((flushes - count) * Mean),
            Pages = grouped.Pages,
            Nanoseconds = hasTimes ? grouped.Nanoseconds : null,
        };
    }
}
