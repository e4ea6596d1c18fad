using System.Globalization;
using IommuKit.Lab;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Lab.Replay.Devices;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit replay --device</c> says: what a device's accesses take under each policy, a table for each trace and IOMMU.</summary>
internal static class DeviceOutput
{
    /// <summary>A case.</summary>
    public static FieldList<ReplayResult> Fields { get; } = new("device")
    {
        { "file", ReplayOutput.FileMeaning, result => result.Trace.File },
        { "iommu", "the IOMMU, as `iommukit models` lists it", result => result.Iommu },
        { "policy", Promises.PolicyMeaning, result => result.Policy.ToString() },
        { "tuning", Tuning.Meaning, Tuning.Field<ReplayResult>(ReplayOutput.TuningOf) },
        {
            "rules",
            "the rules that its driver goes by, `own` for our driver's or as the option names them that chooses others; null of drivers that have no others",
            RulesOf,
            Maybe.Null
        },
        { "device", "the device, as `--device` names it", result => Of(result).Device },
        { "flows", "flows, of `--flows`; null with a trace", result => Of(result).Traffic?.Flows },
        { "ring_pages", "pages of the ring of each flow; null with a trace", result => Of(result).Traffic?.PagesPerRing },
        { "packets_per_interrupt", "packets of a flow between two of its interrupts; null with a trace", result => Of(result).Traffic?.PerInterrupt },
        { "pages_in_a_row", "pages with IOVAs in a row that are mapped and unmapped together; null with a trace", result => Of(result).Traffic?.PagesTogether },
        { "acknowledgements", "pages that were sent to acknowledge; null with a trace", result => Of(result).Traffic?.Acknowledgements },
        { "received", "what `…_per_page` is for: `pages`, with `--flows` without acknowledgements", result => Of(result).Received },
        { "pages", "pages of 4 KiB that it used, each mapping once", result => Of(result).Pages },
        { "accesses", "its accesses: one for each page, and those of descriptors", result => Of(result).Accesses },
        { "tlb_misses", "accesses that needed a walk", result => Of(result).TlbMisses },
        { "table_reads", "entries of page tables that walks read from memory", result => Of(result).TableReads },
        { "faults", "accesses that were stopped", result => Of(result).Faults, new("Faults", 2) },
        { "tlb_misses_per_page", "`tlb_misses` for each page", result => Of(result).TlbMissesPerPage, 4, new("TLB misses/page", 1, Rate) },
        {
            "walk_cache_misses_per_page",
            "reads for each page beyond the last entry of each walk: pointers to tables that no walk cache had",
            result => Of(result).WalkCacheMissesPerPage,
            4,
            new("Walk-cache misses/page", 1, Rate)
        },
        { "reads_per_page", "`table_reads` for each page", result => Of(result).ReadsPerPage, 4, new("Reads/page", 0, Rate) },
        {
            "bound_gbps",
            "what the device moves at most, in 10^9 bits per second: a model's bound, no measurement",
            result => Of(result).Gigabits,
            2,
            new("At most Gb/s", 0, Gigabits)
        },
        { "bound_without_reads_gbps", "the same if no table were read", result => Of(result).MostGigabits, 2 },
        { "virtual_us", "virtual time of the maps and unmaps themselves", result => result.VirtualMicroseconds, 3, new("Maps, unmaps ms", 1, Milliseconds) },
        { "promises_all", Promises.AllMeaning, result => result.Policy.IsFull() },
        { "costs", ReplayOutput.CostsMeaning, result => result.Costs },
    };

    public static void Write(Results writer, IReadOnlyList<ReplayResult> results) =>
        writer.Write(Fields, results, (console, isMarkdown) => WriteTables(console, results, isMarkdown));

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        foreach (var file in results.GroupBy(result => result.Trace))
        {
            foreach (var machine in file.GroupBy(result => result.Iommu, StringComparer.Ordinal))
            {
                console.Note(isMarkdown, Answer([.. machine]));
                if (OfRecordedKernel([.. machine]) is { } recorded)
                {
                    console.Note(isMarkdown, recorded);
                }
            }

            if (Of(file.First()).Traffic is not null)
            {
                string events = $"{Numbers.Count(file.Key.Maps)} maps, {Numbers.Count(file.Key.Unmaps)} unmaps";
                console.Note(isMarkdown, $"{file.Key.File}: {events}, made up, always the same ones");
            }
            else
            {
                ReplayOutput.WriteTrace(console, [.. file], isMarkdown);
            }

            console.WriteLine();
            foreach (var machine in file.GroupBy(result => result.Iommu, StringComparer.Ordinal))
            {
                tables.Write(ColumnTable.Of(
                    $"A device ({Of(machine.First()).Device}) behind a {machine.Key}{RulesIn(machine)}, costs {machine.First().Costs}",
                    isMarkdown,
                    [
                        new("Policy", 0, same => Outcome.NamesOf(same.Select(result => result.Policy)), IsNumber: false),
                        .. HasTunings(machine) ? [new("Tuning", 0, same => Describe(same[0]), IsNumber: false)] : Array.Empty<Column<List<ReplayResult>>>(),
                        .. Columns(machine),
                    ],
                    machine.GroupBy(SameOf).Select(same => same.ToList())));
                console.WriteLine();
            }
        }

        tables.WriteLeftOut();
        ReplayOutput.WriteCostNotes(console, results, isMarkdown);
        tables.Legend(
            ("Reads/page", "entries of page tables that the IOMMU read from memory for each 4 KiB that the device moved"),
            ("At most Gb/s", "a bound by those reads alone (docs/cost-model.md), neither measured nor time of this host"),
            ("Maps, unmaps ms", "virtual time of the processor, on the machine that the costs are for"));
        if (Promises.Note(results.Select(result => result.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }

        console.Note(isMarkdown, results.Any(result => Of(result).Traffic is not null)
            ? "A packet is a page. Each mapping is used once, between its map and its unmap; acknowledgements count for the packets."
            : "A trace has no accesses: here each mapping is used once, between its map and its unmap, in the order of the device.");
    }

    /// <summary>What traffic is called.</summary>
    public static string NameOf(NicTraffic traffic) => string.Create(
        CultureInfo.InvariantCulture,
        $"{traffic.Flows} {(traffic.Flows == 1 ? "flow" : "flows")}, {traffic.PerInterrupt} {(traffic.PerInterrupt == 1 ? "packet" : "packets")} an "
            + $"interrupt, rings of {traffic.PagesPerRing} pages, {traffic.PagesTogether} in a row, {(traffic.Acknowledges ? "acknowledged" : "not acknowledged")}");

    private static string? RulesOf(ReplayResult result) => RulesOption(result) is { } option ? option.Format!(result.Tuning.Settings.Tuning[option]) : null;

    private static TuningOption? RulesOption(ReplayResult result) =>
        MachineCatalog.Find(result.Iommu)?.Tuning.FirstOrDefault(option => option is { RecordedBy: not null, Format: not null });

    private static string RulesIn(IEnumerable<ReplayResult> results) =>
        results.Select(RulesOf).Distinct(StringComparer.Ordinal).ToList() is [{ } only] ? $", by the rules {only}" : string.Empty;

    /// <summary>How to compare our driver's own rules with those of the recorded kernel, where only one of them is among the results.</summary>
    private static string? OfRecordedKernel(IReadOnlyList<ReplayResult> results)
    {
        if (results[0].Trace.RecordedOn is null
            || RulesOption(results[0]) is not { } option)
        {
            return null;
        }

        int recorded = option.RecordedBy!(results[0].Trace.Kernel);
        int[] values = [.. results.Select(result => result.Tuning.Settings.Tuning[option]).Distinct()];
        string? kernel = results[0].Trace.Kernel;
        string linux = kernel is null ? $"{option.Format!(recorded)}, as the trace names no kernel" : $"Linux {kernel}, which recorded it";
        string both = $"--what-if --{option.Name} {option.Format!(0)},{option.Format(recorded)}";
        return values switch
        {
            [0] => $"That is by our driver's own rules. Beside those of {linux}: {both}.",
            [var only] when only == recorded => $"That is by the rules of {linux}. Beside our driver's own: {both}.",
            _ => null,
        };
    }

    private static string Answer(IReadOnlyList<ReplayResult> results)
    {
        var full = results.Where(result => result.Policy.IsFull()).ToList();
        var told = full.Count == 0 ? results : full;
        var best = told.MinBy(result => (Math.Round(Of(result).ReadsPerPage, 2), result.VirtualMicroseconds))!;
        var worst = told.MaxBy(result => (Math.Round(Of(result).ReadsPerPage, 2), -result.VirtualMicroseconds))!;
        string device = $"A {Of(best).Device} behind a {best.Iommu}";
        string of = full.Count == 0 ? "policies" : "policies that leave nothing reachable";

        // What reads bound is bounded by the device's link too, and then says nothing of them.
        bool isLink = told.Select(result => Gigabits(Of(result).Gigabits)).Distinct(StringComparer.Ordinal).Count() == 1;
        string Bound(ReplayResult result) => isLink ? string.Empty : $" (at most {Gigabits(Of(result).Gigabits)} Gb/s)";
        string link = isLink ? $" All of them leave its link of {Gigabits(Of(best).Gigabits)} Gb/s the bound." : string.Empty;
        string fewest = string.Join(", ", told.Where(result => Rate(Of(result).ReadsPerPage) == Rate(Of(best).ReadsPerPage)).Select(result => NameOf(result, told)));
        return Of(worst).ReadsPerPage - Of(best).ReadsPerPage < 0.005
            ? $"{device} needs {Rate(Of(best).ReadsPerPage)} reads of page tables a page, and moves at most {Gigabits(Of(best).Gigabits)} Gb/s, under all "
                + $"{of} that were run."
            : $"{device} needs the fewest reads of page tables under {fewest}, {Rate(Of(best).ReadsPerPage)} a page{Bound(best)}, and the most under "
                + $"{NameOf(worst, told)}, {Rate(Of(worst).ReadsPerPage)}{Bound(worst)}, of {of}.{link}";
    }

    /// <summary>What tells rows apart.</summary>
    private static (DeviceUsage Usage, double Us, bool IsFull, string Tuning) SameOf(ReplayResult result) =>
        (Of(result), result.VirtualMicroseconds, result.Policy.IsFull(), Describe(result));

    private static IEnumerable<Column<List<ReplayResult>>> Columns(IEnumerable<ReplayResult> results)
    {
        string[] names = ["reads_per_page", "bound_gbps", "tlb_misses_per_page", "walk_cache_misses_per_page", "virtual_us"];
        return
            from column in Fields.Columns([.. names, .. results.Any(result => Of(result).Faults != 0) ? ["faults"] : Array.Empty<string>()])
            select new Column<List<ReplayResult>>(column.Header, column.Rank, same => column.Cell(same[0]), column.IsNumber);
    }

    private static bool HasTunings(IEnumerable<ReplayResult> results) => results.Select(Describe).Distinct(StringComparer.Ordinal).Count() > 1;

    private static string NameOf(ReplayResult result, IReadOnlyList<ReplayResult> all) =>
        HasTunings(all) ? $"{result.Policy} ({Describe(result)})" : result.Policy.ToString();

    /// <summary>Its tuning, with the rules also where they are our own.</summary>
    private static string Describe(ReplayResult result)
    {
        string tuning = Tuning.Describe(result.Tuning.Settings, result.Tuning.FlushAllPages);
        string rules = RulesOption(result) is { } option && result.Tuning.Settings.Tuning[option] == 0 ? $"--{option.Name} {RulesOf(result)}" : string.Empty;
        return (rules.Length, tuning.Length) switch
        {
            (0, 0) => "as it is",
            (0, _) => tuning,
            (_, 0) => rules,
            _ => $"{rules} {tuning}",
        };
    }

    private static DeviceUsage Of(ReplayResult result) => result.Device!;

    private static string Rate(double rate) => rate.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Gigabits(double rate) => rate.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Milliseconds(double us) => ReplayOutput.Number(us / 1000);
}
