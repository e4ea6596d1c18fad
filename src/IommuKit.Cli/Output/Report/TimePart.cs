using System.Globalization;
using IommuKit.Analysis.Report;
using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output.Report;

/// <summary>When flushes took their time.</summary>
internal static class TimePart
{
    // As many bars as a phone has room for, and as many rows as somebody reads.
    private const int MostBars = 128;
    private const int MostRows = 16;

    // Fewer say nothing that a sentence does not.
    private const int FewestBars = 4;

    private const double NanosecondsInSecond = 1e9;

    public static void Write(ReportBody body, VerdictResult verdict)
    {
        bool isTimed = verdict.Times is not null;
        var bars = Merged(verdict.Series, MostBars);
        if (verdict.Span is null)
        {
            body.Paragraph("The events of this trace have no times, so that nothing can be said of when.");
            return;
        }

        double[] values = [.. bars.Select(bar => ValueOf(verdict, bar))];
        if (bars.Count < FewestBars || values.Max() == 0 || values.Min() == values.Max())
        {
            body.Paragraph(values.Length == 0 || values.Max() == 0
                ? "Nothing was unmapped or flushed in the time of this trace."
                : "The trace is too short, or too even, for a picture of when.");
            return;
        }

        if (!isTimed)
        {
            body.Paragraph(verdict.Gaps is null
                ? "How long flushes took is not in the trace. What made them, unmaps, is shown instead."
                : "How long flushes took cannot be told. What made them, unmaps, is shown instead.");
        }

        var highest = bars[Array.IndexOf(values, values.Max())];
        string what = isTimed ? (HasShare(verdict) ? "of the processors' time" : "in each stretch") : "unmaps";
        string peak = $"{Value(verdict, ValueOf(verdict, highest))} at {Seconds(highest.From)}";
        string description = isTimed
            ? $"Height: time in flushes, at most{(verdict.Times!.TooLong == 0 ? string.Empty : $" if none took longer than {Durations.Of(verdict.Times.MostPerFlush)}")}, {(HasShare(verdict) ? "as a share of all processors' time" : "in each stretch")}. "
                + $"A bar is {Durations.Of(highest.To - highest.From)} of the trace. Most: {peak}."
            : $"Height: unmaps. A bar is {Durations.Of(highest.To - highest.From)} of the trace. Most: {peak}.";
        if (bars.Exists(bar => bar.What.HasLoss))
        {
            description += " Pale: events were lost, and there was more.";
        }
        else if (verdict.Audit.Lost != 0)
        {
            description += $" {Numbers.Count(verdict.Audit.Lost, "event")} were lost; when is not in the trace.";
        }

        body.Figure(
            new TimeChart(
                isTimed ? "When flushes took their time" : "When pages were unmapped",
                description,
                Axis.Linear(0, bars[^1].To / NanosecondsInSecond, seconds => Durations.Of(seconds * NanosecondsInSecond)),
                "since the first event",
                Axis.Linear(0, values.Max(), value => Value(verdict, value)),
                [.. bars.Select((bar, i) => new TimeBar(
                    bar.From / NanosecondsInSecond, bar.To / NanosecondsInSecond, values[i], Text(verdict, bar), bar.What.HasLoss))],
                $"{Value(verdict, values.Max())} {what}"),
            Table(verdict));
    }

    private static bool HasShare(VerdictResult verdict) => verdict.Processors > 0;

    private static double ValueOf(VerdictResult verdict, Stretch stretch) =>
        verdict.Times is null ? stretch.What.Unmaps
        : HasShare(verdict) ? stretch.What.Nanoseconds / ((double)(stretch.To - stretch.From) * verdict.Processors)
        : stretch.What.Nanoseconds;

    private static string Value(VerdictResult verdict, double value) =>
        verdict.Times is null ? Numbers.Scale(value)
        : HasShare(verdict) ? string.Create(CultureInfo.InvariantCulture, $"{100 * value:0.##} %")
        : Durations.Of(value);

    private static string Text(VerdictResult verdict, Stretch stretch)
    {
        string flushes = verdict.Times is null
            ? string.Empty
            : $", {Numbers.Count(stretch.What.Flushes, "flush", "flushes")}, at most {Durations.Of(stretch.What.Nanoseconds)}"
                + $" (the longest {VerdictText.Longest(stretch.What.Longest)})";
        return $"{Seconds(stretch.From)} to {Seconds(stretch.To)}: {Numbers.Count(stretch.What.Unmaps, "unmap")}{flushes}"
            + (stretch.What.HasLoss ? "; events were lost" : string.Empty);
    }

    private static string Seconds(long nanoseconds) => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / NanosecondsInSecond:0.###} s");

    private static ReportTable Table(VerdictResult verdict)
    {
        var rows = Merged(verdict.Series, MostRows);
        return new ReportTable(
            "Over the time of the trace; times from its first event, in seconds. Time: at most.",
            [new("From"), new("To"), new("Unmaps"), new("Flushes"), new("Time"), new("Share"), new("Longest")],
            [
                .. rows.Select(row => new[]
                {
                    Seconds(row.From),
                    Seconds(row.To),
                    Numbers.Count(row.What.Unmaps),
                    verdict.Times is null ? "–" : Numbers.Count(row.What.Flushes),
                    verdict.Times is null ? "–" : Durations.Of(row.What.Nanoseconds),
                    verdict.Times is null || !HasShare(verdict) ? "–" : Value(verdict, ValueOf(verdict, row)),
                    verdict.Times is null ? "–" : VerdictText.Longest(row.What.Longest),
                }),
            ]);
    }

    /// <summary>As many intervals at a time as leave no more stretches than that.</summary>
    private static List<Stretch> Merged(FlushSeries series, int most)
    {
        int step = Math.Max(1, (series.Count + most - 1) / most);
        var stretches = new List<Stretch>();
        for (int first = 0; first < series.Count; first += step)
        {
            FlushBin sum = default;
            foreach (var bin in series.Bins[first..Math.Min(first + step, series.Count)])
            {
                sum = sum.With(bin);
            }

            stretches.Add(new Stretch(first * series.Width, (first + step) * series.Width, sum));
        }

        return stretches;
    }

    /// <summary>Some of a trace's time, from its first event.</summary>
    private sealed record Stretch(long From, long To, FlushBin What);
}
