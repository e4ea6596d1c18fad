using System.Globalization;
using IommuKit.Analysis.Explain;

namespace IommuKit.Cli.Output;

/// <summary>How the answer of 2015 would read on machines of today.</summary>
internal static class TodayText
{
    /// <summary>A machine.</summary>
    public static FieldList<OnOtherMachine> Fields { get; } = new("explain-today")
    {
        { "iommu", "the IOMMU, as `iommukit models` lists it", machine => machine.Kind.Name, new("IOMMU") },
        { "costs", "the costs, which are its own", machine => machine.Costs.Name, new("Costs", 1) },
        { "snoops", "whether its walker snoops the CPU's caches, so that nothing is cleaned", machine => machine.Snoops, new("Snoops", 0) },
        { "from_us", "virtual time under `from`", machine => machine.Gain.FromUs, 3, new("Before µs", 0, Numbers.Microseconds) },
        { "to_us", "virtual time under `to`", machine => machine.Gain.ToUs, 3, new("After µs", 0, Numbers.Microseconds) },
        { "tlb_share", "the share of TLB maintenance in the gain; null where the policies do the same", machine => ShareOf(machine, machine.Gain.Registers), 4 },
        { "dma_sync_share", "the share of the DMA sync", machine => ShareOf(machine, machine.Gain.DmaSync), 4 },
        { "software_share", "the share of software", machine => ShareOf(machine, machine.Gain.ByOperation[^1]), 4 },
    };

    /// <summary>The sentence: what the gain is due to on machines whose walker snoops, and where it does not.</summary>
    public static string Answer(IReadOnlyList<OnOtherMachine> machines)
    {
        var told = machines.Where(machine => machine.Gain.IsDifferent).GroupBy(machine => machine.Snoops).OrderByDescending(group => group.Key).ToList();
        return told.Count == 0
            ? "On machines of today the two policies do the same."
            : $"On machines of today it would read: {string.Join("; ", told.Select(group => $"{(group.Key ? "where the walker snoops" : "where it does not")}, "
                + $"TLB maintenance {Shares(group, machine => machine.Gain.Registers)}, DMA sync {Shares(group, machine => machine.Gain.DmaSync)}"))}.";
    }

    /// <summary>The table.</summary>
    public static ColumnTable Table(IReadOnlyList<OnOtherMachine> machines, bool isMarkdown)
    {
        var work = machines[0].Gain.Workload;
        return ColumnTable.Of(
            $"Today: {(work.Operation is { } operation ? Names.Of(operation) : "work")} of {work.Name}, costs of each machine, without intervals",
            isMarkdown,
            [
                .. Fields.Columns("iommu", "costs", "snoops", "from_us", "to_us"),
                new("Faster", 0, machine => Numbers.Times(machine.Gain.FromUs, machine.Gain.ToUs)),
                new("TLB", 0, machine => ExplainAnswer.Share(machine.Gain, machine.Gain.Registers)),
                new("Sync", 0, machine => ExplainAnswer.Share(machine.Gain, machine.Gain.DmaSync)),
                new("Soft", 0, machine => ExplainAnswer.Share(machine.Gain, machine.Gain.ByOperation[^1])),
            ],
            machines);
    }

    private static double? ShareOf(OnOtherMachine machine, AttributionPart part) => machine.Gain.IsDifferent ? part.Share : null;

    private static string Shares(IEnumerable<OnOtherMachine> machines, Func<OnOtherMachine, AttributionPart> part)
    {
        double[] shares = [.. machines.Select(machine => part(machine).Share).Where(double.IsFinite)];
        return shares.Length == 0 ? "not known"
            : Math.Round(100 * shares.Min()) == Math.Round(100 * shares.Max()) ? Numbers.Percent(shares[0])
            : string.Create(CultureInfo.InvariantCulture, $"{100 * shares.Min():0}–{100 * shares.Max():0} %");
    }
}
