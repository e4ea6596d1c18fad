using System.Globalization;
using IommuKit.Traces.Faults;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The faults, as <c>iommukit audit</c> lists them.</summary>
internal static class FaultList
{
    /// <summary>Writes them; nothing if there is neither a log nor a fault.</summary>
    public static void Write(IAnsiConsole console, FaultReport report, bool isMarkdown)
    {
        if (report.LogFile is not null)
        {
            console.Note(isMarkdown, $"{report.LogFile}: {Numbers.Count(report.LogLines, "line")} of a kernel log");
            if (report.Problem is not null)
            {
                console.Note(isMarkdown, $"  {report.Problem}");
            }
        }

        if (report.Faults.Count == 0 && report.SuppressedCalls == 0)
        {
            if (report.LogFile is not null)
            {
                console.Note(isMarkdown, "No faults: no message of an IOMMU tells of one.");
            }

            return;
        }

        var causes = report.ByCause.Select(cause => FaultText.Counted(cause.Key, cause.Value));
        console.Note(
            isMarkdown,
            $"{Numbers.Count(report.Faults.Count, "fault")} in {Numbers.Count(report.Messages, "message")}: {string.Join("; ", causes)}");
        if (report.ClockOffset is { } offset)
        {
            console.Note(
                isMarkdown,
                string.Create(
                    CultureInfo.InvariantCulture, $"  the trace's clock minus the log's: {offset / 1e9:0.000000} s, by the faults in both"));
        }

        foreach (string limit in report.Limits)
        {
            console.Note(isMarkdown, $"  note: {limit}");
        }

        int number = 0;
        foreach (var fold in FoldedFaults.Of(report.Faults, byDevice: true))
        {
            if (!isMarkdown)
            {
                console.WriteLine();
            }

            console.Note(isMarkdown, string.Create(CultureInfo.InvariantCulture, $"{++number}. {fold.Headline(hasReason: false)}"));
            console.Note(isMarkdown, $"   {fold.Place()}");
            foreach (string detail in FaultText.Details(fold.First))
            {
                console.Note(isMarkdown, $"   {detail}");
            }
        }
    }
}
