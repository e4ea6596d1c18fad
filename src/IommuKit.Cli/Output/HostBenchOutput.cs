using IommuKit.Lab;
using IommuKit.Linux.Bench;
using IommuKit.Linux.Host;
using IommuKit.Linux.Vfio;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit host bench</c> says, in the words of the kernel's own benchmark of mappings (dma_map_benchmark).</summary>
internal static class HostBenchOutput
{
    /// <summary>An operation.</summary>
    public static FieldList<HostBenchRow> RowFields { get; } = new("host-bench-row")
    {
        { "size_bytes", "bytes that were mapped", row => row.Size, new("Size", 0, bytes => ByteSize.Format(bytes)) },
        { "op", "`map` (pins too), `unmap`, or `pin` alone, through io_uring", row => Names.Of(row.Operation), new("Op") },
        { "pages", "`small` (of the processor, scattered in memory) or `huge` (2 MiB mostly)", row => Names.Of(row.Pages), new("Pages") },
        { "calls", "`one`, or `each-page`: one call of the kernel for each page", row => Names.Of(row.Calls), new("Calls") },
        { "granule", "pages of one call, the smallest that the IOMMU maps", row => Granule(row) },
        { "average_latency_host_us", "mean of the samples, each of all calls together", row => Us(row.Latencies.Average), 3, new("Average", 0, Short) },
        {
            "standard_deviation_host_us", "how far they are from it: the root of the mean square", row => Us(row.Latencies.StandardDeviation), 3,
            new("Std dev", 3, Short)
        },
        { "min_host_us", "the shortest", row => Us(row.Latencies.Least), 3, new("Min", 4, Short) },
        { "median_host_us", "the one that half of them do not exceed", row => Us(row.Latencies.Median), 3, new("Median", 0, Short) },
        { "p90_host_us", "the one that nine in ten do not exceed; null of fewer than 10", row => Us(row.Latencies.P90), 3, new("P90", 2, Maybe) },
        { "p99_host_us", "the one that 99 in a hundred do not exceed; null of fewer than 100", row => Us(row.Latencies.P99), 3, new("P99", 1, Maybe) },
        { "max_host_us", "the longest", row => Us(row.Latencies.Most), 3, new("Max", 2, Short) },
        { "samples", "how many there are", row => row.Latencies.Samples, new("Samples", 5) },
    };

    /// <summary>The run.</summary>
    public static FieldList<(HostBenchResult Result, HostInfo Host)> Fields { get; } = new("host-bench")
    {
        { "device", "the device whose IOMMU it was", run => run.Result.Device },
        { "back_end", "`vfio-type1` or `iommufd`", run => BackEnd(run.Result) },
        { "kernel", "the kernel", run => run.Host.Kernel, Output.Maybe.Null },
        { "iommus", "kinds of IOMMU in this machine", run => Kinds(run.Host) },
        { "virtual_machine", "whether the processor says that it is a virtual machine's; false if nothing does", run => run.Host.IsVirtual },
        { "threads", "threads that mapped at a time", _ => 1 },
        { "direction", "what the device may do: `bidirectional`", _ => "bidirectional" },
        { "left_out", "what was not measured, and what would let it be", run => run.Result.LeftOut },
        { "rows", "what was measured", RowFields, run => run.Result.Rows },
    };

    public static void Write(Results results, HostBenchResult result, HostInfo host) => results.WriteOne(
        Fields, (result, host), RowFields, result.Rows, (console, isMarkdown) => WriteTable(console, result, host, isMarkdown));

    private static void WriteTable(IAnsiConsole console, HostBenchResult result, HostInfo host, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        string kinds = Kinds(host).DefaultIfEmpty("an IOMMU of unknown kind").Aggregate((all, one) => $"{all}, {one}");
        tables.Write(ColumnTable.Of(
            $"dma mapping benchmark: {result.Device} by {BackEnd(result)} on {kinds}, Linux {host.Kernel ?? "of unknown version"}, "
                + "threads 1, dir bidirectional; latencies in µs",
            isMarkdown,
            RowFields.Select(field => field.Column).OfType<Column<HostBenchRow>>(),
            result.Rows));
        console.WriteLine();
        tables.WriteLeftOut();
        foreach (ulong size in result.Rows.Select(row => row.Size).Distinct())
        {
            foreach (string line in Answers(result, size))
            {
                console.Note(isMarkdown, line);
            }
        }

        if (result.Rows.Any(row => row.Operation == BenchOperation.Pin))
        {
            console.Note(
                isMarkdown,
                "Pin: the same memory pinned through io_uring, which maps nothing. VFIO and iommufd pin inside of a map, perhaps by another way, so what "
                    + "is left for the IOMMU is near, not exact.");
        }

        if (result.Rows.Any(row => row.Latencies.P99 is null))
        {
            console.Note(isMarkdown, "Percentiles of too few samples (P90 of 10, P99 of 100) are left out: take more with --seconds.");
        }

        foreach (string line in result.LeftOut)
        {
            console.Note(isMarkdown, $"Left out: {line}.");
        }

        console.Note(isMarkdown, "Average: of all calls together, for one map or unmap of the size; a call of each page has a granule of one page.");
        if (host.IsVirtual)
        {
            console.Note(isMarkdown, "This is a virtual machine: with an emulated IOMMU these times say nothing of any hardware.");
        }
    }

    /// <summary>What the table shows of a size, by its medians.</summary>
    private static IEnumerable<string> Answers(HostBenchResult result, ulong size)
    {
        double? Median(BenchPages pages, BenchCalls calls, BenchOperation operation) => result.Find(size, pages, calls, operation)?.Latencies.Median;
        string name = ByteSize.Format(size);
        if (Median(BenchPages.Small, BenchCalls.One, BenchOperation.Map) is not { } map
            || Median(BenchPages.Small, BenchCalls.One, BenchOperation.Unmap) is not { } unmap)
        {
            yield break;
        }

        if (Median(BenchPages.Small, BenchCalls.EachPage, BenchOperation.Map) is { } mapEach
            && Median(BenchPages.Small, BenchCalls.EachPage, BenchOperation.Unmap) is { } unmapEach)
        {
            yield return $"{name}: one call instead of one for each page maps {Numbers.Times(mapEach, map)} as fast and unmaps {Numbers.Times(unmapEach, unmap)}.";
        }

        if (Median(BenchPages.Huge, BenchCalls.One, BenchOperation.Map) is { } hugeMap
            && Median(BenchPages.Huge, BenchCalls.One, BenchOperation.Unmap) is { } hugeUnmap)
        {
            yield return $"{name}: in huge pages, maps {Numbers.Times(map, hugeMap)} as fast and unmaps {Numbers.Times(unmap, hugeUnmap)}.";
        }

        foreach (var pages in (BenchPages[])[BenchPages.Small, BenchPages.Huge])
        {
            if (Median(pages, BenchCalls.One, BenchOperation.Map) is { } whole && Median(pages, BenchCalls.One, BenchOperation.Pin) is { } pin)
            {
                yield return $"{name}: of a map of {Names.Of(pages)} pages in one call, {Short(whole / 1000)} µs, about {Short(Math.Min(pin, whole) / 1000)} µs are pinning.";
            }
        }
    }

    private static string BackEnd(HostBenchResult result) => result.BackEnd == HostBackEnd.LegacyOnly ? "vfio-type1" : "iommufd";

    private static string[] Kinds(HostInfo host) =>
        [.. host.Iommus.Select(iommu => iommu.Kind).OfType<string>().Distinct(StringComparer.Ordinal)];

    private static long Granule(HostBenchRow row) => (long)(row.Granule / SmallPage.Bytes);

    private static double Us(double nanoseconds) => nanoseconds / 1000;

    private static double? Us(double? nanoseconds) => nanoseconds / 1000;

    private static string Short(double us) => Numbers.Microseconds(us);

    private static string Maybe(double? us) => us is { } value ? Short(value) : "–";
}
