using System.Globalization;
using IommuKit.Analysis.Report;
using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output.Report;

/// <summary>The page about traces.</summary>
internal static class TracePage
{
    /// <summary>What kind of page it is.</summary>
    public const string Kicker = "IOMMU flushes, as a kernel did them";

    /// <summary>The title, where the user gives none.</summary>
    public static string Title(ReportRun run) => run.Traces is [var one]
        ? one.Label
        : string.Create(CultureInfo.InvariantCulture, $"{run.Traces.Count} traces, side by side");

    /// <summary>What is below the title.</summary>
    /// <param name="run">What the page tells.</param>
    /// <param name="hasOwnTitle">Whether the title is the user's, so that it need not name the trace.</param>
    public static IReadOnlyList<string> Lead(ReportRun run, bool hasOwnTitle) => run.Traces is [var one]
        ? [hasOwnTitle ? $"{one.Label} · {About(one)}" : About(one)]
        : ["Each was recorded on a real kernel. Their times are those of their own machines."];

    /// <summary>The parts.</summary>
    public static IEnumerable<ReportSection> Sections(ReportRun run)
    {
        if (run.Traces is [var only])
        {
            foreach (var part in Parts(run, only))
            {
                yield return new ReportSection(part.Id, part.Title, part.Write);
            }

            yield break;
        }

        yield return new ReportSection("overview", "Side by side", body => Overview(body, run));
        for (int i = 0; i < run.Traces.Count; i++)
        {
            var trace = run.Traces[i];
            yield return new ReportSection(string.Create(CultureInfo.InvariantCulture, $"trace-{i + 1}"), trace.Label, body =>
            {
                body.Note(About(trace));
                foreach (var part in Parts(run, trace))
                {
                    body.Part(part.Title, () => part.Write(body));
                }
            });
        }
    }

    private static IEnumerable<TracePart> Parts(ReportRun run, TraceRun trace)
    {
        var verdict = trace.Verdict;
        yield return new TracePart("verdict", "The verdict", body =>
        {
            body.Tiles(TraceTiles.Of(verdict));
            if (verdict.Audit.Problem is { } problem)
            {
                body.Note($"{problem}: what comes before is on this page.");
            }

            if (verdict.Audit.WhyOneSided is { } why)
            {
                body.Note($"{why}.");
            }

            if (verdict.Times is { } times)
            {
                body.Note(
                    "Time in flushes is recorded time: from each flush to the next event of its task on its processor. It is an upper bound"
                        + (times.TooLong == 0
                            ? "."
                            : $" if no flush took longer than {Durations.Of(times.MostPerFlush)}: {Numbers.Count(times.TooLong)} of "
                                + $"{Numbers.Count(times.Count)} gaps are longer and count as that. As long as they are, with all else that their tasks "
                                + $"did, they come to {Durations.Of(times.WholeSum)}.")
                        + (VerdictText.Origin(verdict) is { } origin ? $" {char.ToUpperInvariant(origin[0])}{origin[1..]}." : string.Empty));
            }
        });
        yield return new TracePart("time", "Over the time of the trace", body => TimePart.Write(body, verdict));
        yield return new TracePart("options", "Other ways to flush, and their price", body => OptionsPart.Write(body, verdict));
        yield return new TracePart("findings", "What was found", body => TraceFindings.Write(body, trace));
        yield return new TracePart("details", "Further down", body =>
        {
            body.Note($"File: {trace.File}");
            UnmapsPart.Write(body, verdict.Audit);
            if (!run.Request.IsKindNamed && trace.Replays[0] is { IsAsRecorded: false, Trace.RecordedOn: { } recorded })
            {
                body.Note($"There is no model of {recorded} here. What the same work takes on another IOMMU, 'iommukit replay' tells, or this page with --iommu NAME.");
            }
            else
            {
                body.Fold($"If this were a {run.Request.Kind.Name}: the same work on a model", () => ModelPart.Write(body, run, trace));
            }
        });
    }

    /// <summary>What a trace is of: hardware and mode, time, kernel, machine, day; what it says of them.</summary>
    private static string About(TraceRun trace)
    {
        var verdict = trace.Verdict;
        string processors = verdict.Processors == 0 ? string.Empty : $" on {Numbers.Count(verdict.Processors, "CPU")}";
        string? day = verdict.Date is { } booted ? $"recorded {FileDate.Format(booted)}{(verdict.ByLog.Contains(MachineFact.Date) ? " by the log" : string.Empty)}"
            : FileDate.Of(trace.File) is { } packed ? $"packed {FileDate.Format(packed)}"
            : null;
        string?[] parts =
        [
            VerdictText.IommuOf(verdict),
            (verdict.Span is { } span ? Durations.Of(span) : "no times") + processors,
            .. VerdictText.KernelAndMachine(verdict),
            day,
        ];
        return string.Join(" · ", parts.Where(part => part is not null));
    }

    private static void Overview(ReportBody body, ReportRun run) => body.Table(new ReportTable(
        "The traces of this page. Time in flushes: at most. Need not have been: flushes that one for each burst would have replaced.",
        [
            new("Trace", false), new("IOMMU", false), new("Time in flushes"), new("Of the CPUs' time"), new("Wrong?", false),
            new("Need not have been"), new("Reachable after unmap, p99"), new("Covered"),
        ],
        [
            .. run.Traces.Select(trace => new[]
            {
                trace.Label,
                trace.Verdict.Iommu ?? "not known",
                TraceTiles.Time(trace.Verdict).Value,
                trace.Verdict.ShareOfTime is { } share ? VerdictText.Share(share) : "–",
                TraceTiles.Wrong(trace.Verdict).Value,
                TraceTiles.Waste(trace.Verdict).Value,
                TraceTiles.Exposure(trace.Verdict).Value,
                VerdictText.Share(trace.Verdict.Coverage),
            }),
        ]));
}
