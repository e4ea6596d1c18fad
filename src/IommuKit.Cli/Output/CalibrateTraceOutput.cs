using System.Globalization;
using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Calibration.Gaps;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit calibrate</c> says of a trace. All times in it are the recorded machine's.</summary>
internal static class CalibrateTraceOutput
{
    /// <summary>A fitted cost.</summary>
    public static FieldList<TraceCost> CostFields { get; } = new("calibrate-trace-cost")
    {
        { "term", "the kind of operation", cost => OperationKinds.NameOf(cost.Kind), new("Operation") },
        {
            "us",
            "what it costs at most, in microseconds of recorded time; of a `doorbell` beside a `command` that is not from the trace, together with that",
            cost => cost.Us,
            6,
            new("At most µs", 0, Us)
        },
        { "low", "the lower end of the 90 % interval of that bound; null if it is not from the trace", cost => cost.Interval?.Low, 6 },
        { "high", "the upper end", cost => cost.Interval?.High, 6 },
        { "source", "what it was taken from", cost => cost.Source },
    };

    /// <summary>The gaps of a kind.</summary>
    public static FieldList<GapKind> GapFields { get; } = new("calibrate-trace-gap")
    {
        { "start", "the flush, by the names of `audit`", gap => gap.Start, new("From") },
        { "end", "what the same task printed next on the same processor: `flush`, `map`, `unmap`, `other`", gap => Names.Of(gap.End), new("To") },
        { "count", "how many gaps there are", gap => gap.Count, new("Gaps") },
        { "fast_us", "what 5 % of them do not reach", gap => gap.FastUs, 3, new("5 % µs", 1, Us) },
        { "us", "where they are: the mean of the half of them that lies closest together", gap => gap.Us, 6, new("Usual µs", 0, Us) },
        { "low", "the lower end of the 90 % interval of `us`, with half a step of the clock", gap => gap.Interval.Low, 6 },
        { "high", "the upper end", gap => gap.Interval.High, 6 },
        { "slow_us", "what 5 % of them exceed", gap => gap.SlowUs, 3, new("95 % µs", 1, Us) },
    };

    /// <summary>A calibration, and the costs that it comes to.</summary>
    public static FieldList<(TraceCalibration Calibration, CostVector Costs)> Fields { get; } = new("calibrate-trace")
    {
        { "name", "the name of the fitted costs", fit => fit.Costs.Name },
        { "description", "how they came about", fit => fit.Costs.Description },
        { "file", "the trace", fit => fit.Calibration.Name },
        { "kernel", "the kernel that was recorded; null if the trace does not say", fit => fit.Calibration.Kernel, Maybe.Null },
        { "is_virtual", "whether something says that it was recorded in a virtual machine", fit => fit.Calibration.IsVirtual },
        { "prior", "the costs that everything else is taken from", fit => fit.Calibration.Others?.Name, Maybe.Null },
        { "flushes", "flushes in the trace: commands of the queue, those of contexts and interrupts too, or where only those were recorded of cache tags", fit => fit.Calibration.Flushes },
        { "clock_step_us", "the step of the trace's clock", fit => fit.Calibration.ClockStepUs, 3 },
        { "resamples", "how often intervals were drawn", fit => fit.Calibration.Options.Resamples },
        { "seed", "where their random numbers started", fit => fit.Calibration.Options.Seed },
        { "shares_waits", "whether commands that follow each other have one wait", fit => fit.Calibration.SharesWaits },
        { "costs", "what was fitted", CostFields, fit => fit.Calibration.Costs },
        { "used", "the gaps that a submission is fitted to", GapFields, fit => fit.Calibration.Used },
        { "gaps", "all kinds of gaps that are not too few", GapFields, fit => fit.Calibration.Gaps },
        { "conclusions", "sentences", fit => Sentences(fit.Calibration) },
    };

    public static void Write(Results results, TraceCalibration calibration, CostVector costs) => results.WriteOne(
        Fields, (calibration, costs), CostFields, calibration.Costs, (console, isMarkdown) => WriteTables(console, calibration, costs, isMarkdown));

    private static void WriteTables(IAnsiConsole console, TraceCalibration calibration, CostVector costs, bool isMarkdown)
    {
        console.Note(isMarkdown, Answer(calibration));
        console.WriteLine();
        var tables = new TableSet(console, isMarkdown);
        tables.Write(ColumnTable.Of(
            $"{costs.Name}: {costs.Description}",
            isMarkdown,
            [.. CostFields.Columns("term", "us"), new("90 % interval of the bound", 0, cost => cost.Interval is { } known ? Text(known) : "not from the trace")],
            calibration.Costs));
        console.WriteLine();
        tables.Write(ColumnTable.Of(
            "Recorded gaps after flushes",
            isMarkdown,
            [.. GapFields.Columns("start", "end", "count", "fast_us", "us"), new("90 % interval", 0, gap => Text(gap.Interval)), .. GapFields.Columns("slow_us")],
            calibration.Gaps));
        console.WriteLine();
        tables.WriteLeftOut();
        tables.Legend(
            ("Usual µs", "the mean of the half of the gaps that lies closest together, which a long tail does not move"),
            ("5 % µs, 95 % µs", "what that share of them does not reach"));
        foreach (string sentence in Sentences(calibration))
        {
            console.Note(isMarkdown, sentence);
        }
    }

    private static string Answer(TraceCalibration calibration) => string.Create(
        CultureInfo.InvariantCulture,
        $"On the recorded machine a flush took at most about {Us(calibration.Used.Us)} µs, wait and all ({Text(calibration.Used.Interval)}, 90 % interval of "
            + $"the bound): the usual gap from {calibration.Used.Start} to {TraceCalibration.EndOf(calibration.Used.End)}.");

    private static List<string> Sentences(TraceCalibration calibration)
    {
        var sentences = new List<string>
        {
            "These are upper bounds: the gap holds other work too (the end of the unmap, the start of what follows, tracing itself). They are times that the "
                + "recorded kernel saw; with --costs they make virtual time, of which no time of this computer is part.",
            calibration.Costs[0] is { Kind: OperationKind.Command, Interval: null } command
                ? command.Source
                : $"Commands that follow each other are {Us(calibration.BetweenCommands!.Us)} µs apart, so that they share a wait.",
            "doorbell: the write of the tail, what hardware does for the commands, and the wait. command: what the processor does to write one.",
        };
        if (calibration.Used.Interval.Width <= calibration.ClockStepUs * 1.5)
        {
            sentences.Add($"The clock's step of {Us(calibration.ClockStepUs)} µs is most of the interval: a trace.dat has times to the nanosecond.");
        }

        if (calibration.IsVirtual)
        {
            sentences.Add("It was recorded in a virtual machine: each flush has the work of its hypervisor in it, and says nothing of hardware.");
        }

        return sentences;
    }

    private static string Us(double us) => us.ToString(us < 10 ? "0.000" : us < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    private static string Text(Interval90 interval) => $"{Us(interval.Low)}–{Us(interval.High)}";
}
