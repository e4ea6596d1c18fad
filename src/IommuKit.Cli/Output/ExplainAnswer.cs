using System.Globalization;
using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Explain;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>
/// The answer of <c>iommukit explain</c> to the question in the reply of 2015, with bars, how sure it is, and what would settle it.
/// </summary>
/// <param name="view">What was found.</param>
internal sealed class ExplainAnswer(ExplainView view)
{
    private const int BarCells = 25;
    private const double Little = 0.01;

    private static readonly string[] Names = ["TLB maintenance", "DMA sync", "software"];

    /// <summary>The lines.</summary>
    public IEnumerable<string> Lines()
    {
        var explanation = view.Explanation;
        var headline = explanation.Headline;
        string name = headline.Workload.Name;
        string work = headline.Workload.Operation is { } operation ? $"{Output.Names.Of(operation)} of {name}" : Output.Names.OfFile(name);
        string covered = view.Replay is { } replay ? $" ({Coverage.InTitle([replay])})" : string.Empty;
        yield return $"If this were a {view.Kind.Name}: {work}{covered}, "
            + $"{Numbers.Microseconds(headline.FromUs)} µs under {Promises.Marked(view.From)} → "
            + $"{Numbers.Microseconds(headline.ToUs)} µs under {Promises.Marked(view.To)}{Factor(headline)}";
        if (!view.To.IsFull())
        {
            yield return $"  {(view.Replay is { } left ? Promises.Left(left) : Promises.LeftUntil(view.To))}";
        }

        if (headline is { IsDifferent: true, IsSure: true } && IsLittle(headline))
        {
            yield return "  Less than 1 % lies between them: there is nothing worth explaining.";
            yield break;
        }

        yield return Question(headline);
        if (!headline.IsDifferent || !headline.IsSure)
        {
            yield return $"  {Conclusions.Of(explanation)[0]}";
            yield break;
        }

        var parts = Parts(headline);
        int width = parts.Max(part => Share(headline, part).Length);
        foreach (var (what, part) in Names.Zip(parts))
        {
            yield return $"  {what,-17}{Share(headline, part).PadLeft(width)}   {Bar(part)}";
        }

        yield return HowSure(explanation);
        yield return explanation.Next is [var best, ..] && best.Uncertainty < explanation.Uncertainty
            ? $"What would settle it: time {best.Name} on a board."
            : explanation.Calibration is null
                ? "What would settle it: times of your own hardware, with 'iommukit calibrate' or --measurements."
                : "What would settle it: none of the measurements that were tried.";
    }

    /// <summary>TLB maintenance, DMA sync, and the software around them: they add up to the gain.</summary>
    public static IReadOnlyList<AttributionPart> Parts(Attribution attribution) =>
        [attribution.Registers, attribution.DmaSync, attribution.ByOperation[^1]];

    /// <summary>A share in a narrow place.</summary>
    public static string Share(Attribution attribution, AttributionPart part) =>
        !attribution.IsDifferent ? "no gain"
        : !attribution.IsSure ? "open"
        : part.Interval is not { } interval ? $"{Numbers.Whole(part.Share)} %"
        : attribution.IsUnique ? $"{Numbers.Whole(part.Share)} % ({Range(interval)})"
        : Range(interval);

    private static bool IsLittle(Attribution headline) =>
        Math.Abs(headline.FromUs - headline.ToUs) < Little * Math.Max(headline.FromUs, headline.ToUs);

    private string Question(Attribution headline)
    {
        if (!headline.IsLoss)
        {
            return "Robin Murphy asked in 2015: how much of the gain is batching up the TLB maintenance, how much doing the DMA sync in fewer pieces?";
        }

        string why = view.To == SyncPolicy.RangeFlush ? $": it flushes after maps too, which {SyncPolicy.SplitSync} does only where it is needed" : string.Empty;
        return $"{view.To} is the slower one here{why}. What its loss is due to:";
    }

    private static string Factor(Attribution headline)
    {
        bool isFaster = headline.FromUs >= headline.ToUs;
        string times = isFaster ? Numbers.Times(headline.FromUs, headline.ToUs) : Numbers.Times(headline.ToUs, headline.FromUs);
        return !headline.IsDifferent || times.Length == 0 ? string.Empty : $" ({times} {(isFaster ? "faster" : "slower")})";
    }

    private static string HowSure(Explanation explanation)
    {
        if (explanation.Calibration is not { } calibration || explanation.OtherHeadline is not { } other)
        {
            return "How sure: that is not known, as nobody said how well these costs are known.";
        }

        string others = other.IsSure
            ? $"TLB maintenance {Share(other, other.Registers)}, DMA sync {Share(other, other.DmaSync)}"
            : "not even which policy is faster";
        string table = calibration.IsOfSeedTable ? "the proposal's timings of 2015" : "the times";
        return calibration.Prior.Source is { } prior
            ? $"How sure: 90 % intervals, with what is known of such hardware from elsewhere ({prior.Name}). From {table} alone: {others}."
            : $"How sure: 90 % intervals from {table} alone. With what is known of such hardware from elsewhere: {others}.";
    }

    /// <summary>Full up to what is sure, pale up to what may be.</summary>
    private static string Bar(AttributionPart part)
    {
        double low = part.Interval?.Low ?? part.Share;
        double high = part.Interval?.High ?? part.Share;
        int full = Cells(low);
        int pale = Math.Max(0, Math.Max(Cells(high), high > 0 ? 1 : 0) - full);
        return new string('█', full) + new string('▒', pale);

        static int Cells(double share) => double.IsFinite(share) ? (int)Math.Round(Math.Clamp(share, 0, 1) * BarCells) : 0;
    }

    private static string Range(Interval90 interval) => $"{Numbers.Whole(interval.Low)}–{Numbers.Whole(interval.High)} %";
}

/// <summary>
/// Says what a flush costs on map that does not know its direction, on hardware that needs one there and on hardware that does not.
/// </summary>
internal static class UndirectedFlushText
{
    private const string CoherentCosts = "smmuv3-2021";

    /// <summary>The sentences; none about traces.</summary>
    public static IReadOnlyList<string> Of(IommuKind kind, Explanation explanation)
    {
        if (explanation.Headline.Workload.Size is not (> 0 and var size))
        {
            return [];
        }

        var (undirected, split) = UndirectedFlush.OnMachine(kind, size);
        double extra = explanation.Costs.Microseconds(undirected.Counts) - explanation.Costs.Microseconds(split.Counts);
        var (dropped, droppedSplit) = UndirectedFlush.PagesDroppedOnCoherentWalker(size);
        var coherent = CostFile.BuiltIn.First(costs => costs.Name == CoherentCosts).Components;
        double map = coherent[OperationKind.MapCall].Us + (size / SmallPage.Bytes * coherent[OperationKind.EntryStored].Us);
        double wasted = dropped * coherent[OperationKind.RegisterWrite].Us;
        string name = ByteSize.Format(size);
        string compared = $"Undirected flush ({SyncPolicy.RangeFlush}) against {SyncPolicy.SplitSync}, map of {name} on {kind.Name}";
        return
        [
            extra == 0
                ? $"{compared}: the same {Numbers.Count(undirected.Counts.Maintenance)} operations, "
                    + "because this hardware caches invalid entries and needs them on map too."
                : string.Create(CultureInfo.InvariantCulture, $"{compared}: {extra:0.0} µs more."),
            string.Create(
                CultureInfo.InvariantCulture,
                $"On a coherent walker that does not: {Numbers.Count((long)dropped)} pages dropped against {Numbers.Count((long)droppedSplit)}; "
                    + $"at {1000 * coherent[OperationKind.RegisterWrite].Us:0} ns each ({CoherentCosts}) {wasted:0} µs "
                    + $"on top of the {map:0.0} µs of the map, {1 + (wasted / map):0} times as long."),
        ];
    }
}
