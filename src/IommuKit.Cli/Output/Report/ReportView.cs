using IommuKit.Lab.Explain;
using IommuKit.Lab.Report;

namespace IommuKit.Cli.Output.Report;

/// <summary>A report: what comes in which order.</summary>
internal static class ReportView
{
    public const string DefaultTitle = "What mapping memory for DMA costs";

    public static void Write(TextWriter output, string title, ReportRun run)
    {
        var sections = new List<ReportSection>
        {
            new("summary", "In short", body => body.List(Summary(run))),
            SeedSection.Of(run),
            AttributionSection.Of(run),
            BoundSection.Of(run),
        };
        if (run.Traces.Count != 0)
        {
            sections.Add(LatencySection.Of(run));
            sections.Add(AuditSection.Of(run));
        }

        if (run.Check is { } check)
        {
            sections.Add(CheckSection.Of(run, check));
        }

        ReportDocument.Write(output, title, Lead(run), sections);
    }

    private static string[] Lead(ReportRun run) =>
    [
        $"IommuKit, {run.Request.Kind.Name}: {run.Request.Kind.Description}",
        $"Times of the model are virtual: operations that were counted, times what each costs ({run.Costs.Name}). "
            + "They are never time of the computer that made this report; times of the paper are measured.",
    ];

    private static IEnumerable<string> Summary(ReportRun run) =>
    [
        .. SeedSection.Summary(run),
        .. Conclusions.Of(run.Explanation).Take(2),
        .. LatencySection.Summary(run),
        .. AuditSection.Summary(run),
        .. run.Check is { } check ? [CheckSection.Verdict(run, check)] : Array.Empty<string>(),
    ];
}
