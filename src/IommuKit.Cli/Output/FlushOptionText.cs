using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output;

/// <summary>Ways to flush, as screens and reports name them.</summary>
internal static class FlushOptionText
{
    /// <summary>Those that are known and differ: what flushes as often as another, and leaves as much, is the same.</summary>
    public static IReadOnlyList<FlushOption> Different(IReadOnlyList<FlushOption> options)
    {
        var known = options.Where(option => option.Flushes is not null and not 0).ToList();
        return known.FindAll(option => option.Kind != FlushOptionKind.Range
            || !known.Exists(other => other.Kind == FlushOptionKind.Burst && other.Flushes == option.Flushes));
    }

    /// <summary>Its name.</summary>
    public static string NameOf(FlushOptionKind kind) => kind switch
    {
        FlushOptionKind.Recorded => "as recorded",
        FlushOptionKind.Range => "one for each range",
        FlushOptionKind.Burst => "one for each burst",
        _ => "lazy, as Linux does",
    };

    /// <summary>What is to be said of counts where a trace has several domains; null if it has one, or does not say.</summary>
    public static string? AboutDomains(VerdictResult verdict) => verdict.Audit.Domains.Count < 2 ? null
        : $"as if the {verdict.Audit.Domains.Count} domains were one: each needs a flush of its own, so that there would be more";

    /// <summary>
    /// What the times mean for which a page stays reachable; null if there are none:
    /// the trace tells when the driver flushed, and not when it would have.
    /// </summary>
    public static string? UntilWhen(IReadOnlyList<FlushOption> options)
    {
        bool isRecorded = options.Any(option => option is { Kind: FlushOptionKind.Recorded, Nanoseconds.Count: not 0 });
        bool areOthers = options.Any(option => option is { Kind: not FlushOptionKind.Recorded, Nanoseconds.Count: not 0 });
        return !areOthers ? null
            : isRecorded ? "each until the flush of the last unmap that it waits for"
            : "until the last unmap that a flush is for: the driver's own delay comes on top";
    }

    /// <summary>What it saves of the recorded time: a bound, as gaps are bounds of what flushes took.</summary>
    public static string Saved(FlushOption option) => option.Kind == FlushOptionKind.Recorded ? "–"
        : option.SavedNanoseconds switch
        {
            null => "not known",
            0 => "none",
            < 0 => "costs more",
            { } time => $"≤ {Durations.Short(time)}",
        };
}
