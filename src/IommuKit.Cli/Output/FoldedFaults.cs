using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>Faults that are told as one: those of which nothing is known but that they were.</summary>
/// <param name="First">The first of them.</param>
/// <param name="All">All of them, in their order.</param>
internal sealed record FoldedFaults(ExplainedFault First, IReadOnlyList<ExplainedFault> All)
{
    private const int MostDevices = 3;

    /// <summary>Folds what has no IOVA and no cause, for the same reason; of the same device only, or of all.</summary>
    /// <param name="faults">The faults.</param>
    /// <param name="byDevice">Whether those of different devices are told apart.</param>
    /// <returns>Each where its first fault was.</returns>
    public static IReadOnlyList<FoldedFaults> Of(IReadOnlyList<ExplainedFault> faults, bool byDevice) =>
    [
        .. faults.Select((fault, index) => (Fault: fault, Index: index))
            .GroupBy(one => one.Fault is { Fault.Iova: null, Cause: FaultCause.Unknown } fault
                ? (-1, byDevice ? fault.Fault.Device : null, fault.Fault.IsHeaderOnly, string.Join(';', fault.Doubts))
                : (one.Index, null, false, string.Empty))
            .Select(group => new FoldedFaults(group.First().Fault, [.. group.Select(one => one.Fault)])),
    ];

    /// <summary>The worst faults of a report; those that tell nothing are one, however many there are.</summary>
    public static IReadOnlyList<FoldedFaults> WorstOf(FaultReport report, int count)
    {
        var folded = Of(report.Faults, byDevice: false);
        return [.. report.Worst(count).Select(fault => folded.First(fold => fold.All.Contains(fault))).Distinct()];
    }

    /// <summary>All that a line or two can say.</summary>
    public string Short() => All.Count == 1 ? FaultText.Short(First) : $"{Headline()} ({Place()})";

    /// <summary>Who faulted, how often, and why nothing more can be told.</summary>
    /// <param name="hasReason">Whether to say why, where several faults are told as one.</param>
    public string Headline(bool hasReason = true)
    {
        if (All.Count == 1)
        {
            return FaultText.Headline(First);
        }

        string?[] names = [.. All.Select(fault => fault.Fault.Device).Distinct(StringComparer.Ordinal)];
        string devices = names is [null] ? "devices that are not named"
            : string.Join(", ", names.Take(MostDevices).Select(name => name ?? "others"))
                + (names.Length > MostDevices ? $" and {Numbers.Count(names.Length - MostDevices)} more" : string.Empty);
        string why = hasReason && First.Doubts is [var doubt, ..] ? $": {doubt}" : string.Empty;
        return $"{Numbers.Count(All.Sum(fault => fault.Messages))} faults of {devices}, {FaultText.Of(FaultCause.Unknown)}{why}";
    }

    /// <summary>Where they show: the first, and how far they go.</summary>
    public string Place() => All.Count == 1 ? FaultText.Place(First) : $"{FaultText.Place(First)}; last: {FaultText.Place(All[^1])}";
}
