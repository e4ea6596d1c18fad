using IommuKit.Analysis.Report;

namespace IommuKit.Cli.Output.Report;

/// <summary>A report: what comes in which order.</summary>
internal static class ReportView
{
    /// <summary>Writes a page about the traces, or without any about the proposal of 2015.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="title">Its title; null for one that says what it is about.</param>
    /// <param name="run">What it tells.</param>
    public static void Write(TextWriter output, string? title, ReportRun run)
    {
        bool isOfTraces = run.Traces.Count != 0;
        var sections = (isOfTraces ? TracePage.Sections(run) : SeedPage.Sections(run)).ToList();
        if (run.Check is { } check)
        {
            sections.Add(CheckSection.Of(run, check));
        }

        ReportDocument.Write(
            output,
            title ?? (isOfTraces ? TracePage.Title(run) : SeedPage.Title),
            isOfTraces ? TracePage.Lead(run, title is not null) : SeedPage.Lead(run),
            sections,
            isOfTraces ? TracePage.Kicker : SeedPage.Kicker);
    }
}
