using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The tables of <c>iommukit replay</c>.</summary>
internal static class ReplayTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<ReplayResult> results, ReplayOptions options, bool isMarkdown)
    {
        foreach (var file in results.GroupBy(result => result.Trace))
        {
            WriteTrace(console, file.Key);
            foreach (var machine in file.GroupBy(result => result.Iommu, StringComparer.Ordinal))
            {
                WriteMachine(console, machine.Key, [.. machine], options, isMarkdown);
            }
        }

        console.WriteLine("Virtual ms and µs: operations times their cost, on the machine that the costs are for; nothing here is time of this host.");
        console.WriteLine("Total: all maps and unmaps together. Latencies are of single maps and unmaps.");
        if (results.Any(result => result.Policy == SyncPolicy.Explicit))
        {
            console.WriteLine("Explicit: flushed where the trace turns from maps to unmaps or back, as a caller might.");
        }
    }

    private static void WriteTrace(IAnsiConsole console, TraceSummary trace)
    {
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{trace.File}: {trace.Maps:#,0} maps, {trace.Unmaps:#,0} unmaps, {trace.Others:#,0} other events in {trace.Lines:#,0} lines; "
            + $"{trace.LivePages:#,0} pages live at the end, {trace.PeakLivePages:#,0} at most"));
        if (trace.Lost != 0)
        {
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"  {trace.Lost:#,0} events were lost in recording: what they mapped or unmapped is missing below"));
        }

        if (trace.MapsOverLive != 0)
        {
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {trace.MapsOverLive:#,0} maps cover pages that are mapped (first: line {trace.FirstMapOverLive}): several domains in one trace, or lost events"));
        }

        if (trace.Orphans != 0)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {trace.Orphans:#,0} unmaps of pages that were not seen mapped"));
        }

        if (trace.UnknownLines != 0)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {trace.UnknownLines:#,0} lines are no events"));
        }

        if (!trace.HasTimes)
        {
            console.WriteLine("  the events have no times: under Deferred only a full queue, or reuse of an IOVA, flushes");
        }
    }

    private static void WriteMachine(
        IAnsiConsole console, string name, IReadOnlyList<ReplayResult> results, ReplayOptions options, bool isMarkdown)
    {
        var table = Tables.Create(console, $"{name}, costs {options.Costs.Name}", isMarkdown);
        table.AddColumn("Policy");
        string[] columns =
        [
            "Total ms", "Faster", "Writes", "Reads", "Lines", "Barriers", "Map µs p50", "p99", "max", "Unmap µs p50", "p99", "max", "Skipped",
        ];
        foreach (string column in columns)
        {
            table.AddColumn(Tables.Right(column));
        }

        var perPage = results.FirstOrDefault(result => result.Policy == SyncPolicy.PerPage);
        foreach (var result in results)
        {
            table.AddRow(
                result.Policy.ToString(),
                Number(result.VirtualMicroseconds / 1000),
                perPage is null ? string.Empty : string.Create(
                    CultureInfo.InvariantCulture, $"{perPage.VirtualMicroseconds / result.VirtualMicroseconds:0.0}×"),
                Count(result.Counts.RegisterWrites.Total),
                Count(result.Counts.RegisterReads.Total),
                Count(result.Counts.LinesCleaned),
                Count(result.Counts.Barriers),
                Number(result.MapLatency.Percentile(0.5)),
                Number(result.MapLatency.Percentile(0.99)),
                Number(result.MapLatency.MaxMicroseconds),
                Number(result.UnmapLatency.Percentile(0.5)),
                Number(result.UnmapLatency.Percentile(0.99)),
                Number(result.UnmapLatency.MaxMicroseconds),
                Count(result.SkippedCount));
        }

        console.Write(table);

        // What is skipped depends on the machine, hardly ever on the policy: say it once where it is the same.
        foreach (var group in results.SelectMany(result => result.Skipped.Select(skipped => (result.Policy, skipped))).GroupBy(pair => pair.skipped))
        {
            string policies = group.Count() == results.Count ? string.Empty : $" ({string.Join(", ", group.Select(pair => pair.Policy))})";
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  skipped: {group.Key.Count:#,0} {Reason(group.Key.Reason)}, lines {group.Key.FirstLine}–{group.Key.LastLine}{policies}"));
        }

        console.WriteLine();
    }

    private static string Reason(SkipReason reason) => reason switch
    {
        SkipReason.BeyondAperture => "events with IOVAs beyond what the IOMMU can translate",
        SkipReason.BeyondPhysicalWidth => "maps to physical addresses that the IOMMU cannot hold",
        SkipReason.OverLiveMapping => "maps over pages that are mapped",
        SkipReason.NotMapped => "unmaps of pages that are not mapped here",
        SkipReason.NoTableMemory => "maps without memory for page tables",
        _ => "damaged lines",
    };

    private static string Number(double value) => value.ToString(value < 1000 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    private static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);
}
