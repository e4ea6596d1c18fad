using IommuKit.Analysis.Report;
using IommuKit.Checker;

namespace IommuKit.Cli.Output.Report;

/// <summary>What the checker found.</summary>
internal static class CheckSection
{
    public static ReportSection Of(ReportRun run, CheckResult check) => new("check", "Is a flush missing, is one for nothing?", body =>
    {
        body.Paragraph(Verdict(run, check));
        body.Details("Planted bugs", Planted(check));
        if (!check.IsTrustworthy)
        {
            return;
        }

        foreach (var finding in check.Findings)
        {
            body.Heading($"{Names.Of(finding.Verdict)}: {finding.Case.Configuration.Policy}, {finding.Case.Configuration.Release}");
            body.Paragraph(finding.Cause);
            body.List(
            [
                $"scenario {finding.Case.Text}",
                CheckOutput.Answers(finding),
                CheckOutput.Shown(finding),
                $"again: {CheckOutput.CommandFor(finding)}",
            ]);
        }

        var groups = check.Configurations.GroupBy(one => one.Configuration.Policy).ToList();
        var rows = groups.ConvertAll(group =>
        {
            long done = group.Sum(one => one.Waste.Total);
            long wasted = group.Sum(one => one.Waste.Wasted);
            double share = done == 0 ? 0 : (double)wasted / done;
            return new BarRow(group.Key.ToString(), $"{Numbers.Count(done)}, for nothing {Numbers.Percent(share)}", done, Part: wasted);
        });
        body.Figure(
            new BarChart(
                "Maintenance in all scenarios of one and two operations",
                "Bar: cleans, barriers, invalidations and waits. "
                    + "Within the dotted edge: those that changed nothing about what hardware may do wrong.",
                Axis.Linear(0, rows.Max(row => row.Value!.Value), Numbers.Scale),
                "operations",
                rows),
            Table(check));
    });

    /// <summary>The outcome in a sentence.</summary>
    public static string Verdict(ReportRun run, CheckResult check)
    {
        int wrong = check.Findings.Count();
        return !check.IsTrustworthy ? $"Not every planted bug was found, so nothing is said about the driver of {run.Request.Kind.Name}."
            : wrong != 0 ? $"{Numbers.Count(wrong, "configuration")} of {Numbers.Count(check.Configurations.Count)} "
                + $"of the driver of {run.Request.Kind.Name} {(wrong == 1 ? "is" : "are")} wrong."
            : $"No flush is missing in the driver of {run.Request.Kind.Name}: {Numbers.Count(check.Planted.Count, "planted bug")} were all found, "
                + $"and then nothing in {Numbers.Count(check.Configurations.Count, "configuration")}, "
                + $"{Numbers.Count(check.Configurations.Sum(one => one.Sequences + one.Interleavings))} "
                + $"scenarios of up to {ReportRun.CheckDepth} operations.";
    }

    private static ReportTable Planted(CheckResult check) => new(
        "Bugs that were planted first, to see whether they are found",
        [new("Bug", false), new("Found", false), new("Called", false), new("Where", false), new("What it is", false)],
        [
            .. check.Planted.Select(planted => new[]
            {
                planted.Bug.Name,
                planted.IsCaught ? "yes" : "no",
                planted.Finding is { } finding ? Names.Of(finding.Verdict) : "–",
                planted.Configuration.ToString(),
                planted.Bug.Description,
            }),
        ]);

    private static ReportTable Table(CheckResult check) => new(
        "Configurations: what was run, and the maintenance in scenarios of one and two operations",
        [
            new("Policy", false), new("Tables given back", false), new("Outcome", false), new("Sequences"), new("Interruptions"),
            new("Steps"), new("Maintenance"), new("For nothing"), new("Least"),
        ],
        [
            .. check.Configurations.Select(one => new[]
            {
                one.Configuration.Policy.ToString(),
                Names.Of(one.Configuration.Release),
                one.Finding is { } finding ? Names.Of(finding.Verdict)
                    : one.Exhausted == 0 ? "nothing missing"
                    : $"{Numbers.Count(one.Exhausted)} not followed",
                Numbers.Count(one.Sequences),
                Numbers.Count(one.Interleavings),
                Numbers.Count(one.Steps),
                Numbers.Count(one.Waste.Total),
                Numbers.Count(one.Waste.Wasted),
                Numbers.Count(one.Least.Total),
            }),
        ]);
}
