using System.Globalization;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Traces;
using IommuKit.Traces.Faults;
using IommuKit.Traces.Files;

namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>
/// What commands and their waits cost at most on the machine that a trace is from, by its recorded times: from each flush to the next event of the
/// same task on the same processor, which it can only have printed after the wait.
/// </summary>
/// <remarks>
/// <para>
/// A gap holds the wait and whatever else the task did. So each number is an upper bound, and an interval says how well the bound is known, not how
/// far below it the cost may be. Of the gaps from one kind of flush to one kind of event the <see cref="GapKind.Us"/> counts, which a long tail does
/// not move; of the kinds of event that of the shortest gaps, as the least other work is in them.
/// </para>
/// <para>
/// Commands that one submission hands over together have one wait. A trace does not say which do; but what passes between two of them is the time
/// to write one, while each that has a wait of its own takes about as long as the last.
/// </para>
/// </remarks>
public sealed class TraceCalibration
{
    /// <summary>The fewest gaps that say something.</summary>
    public const int FewestGaps = 30;

    // Every submission here has an invalidation and its wait (see docs/vtd.md, "The driver").
    private const int CommandsPerSubmission = 2;

    private const string NoEvents =
        "has no events of flushes, so that no costs can be fitted to it; on VT-d record intel_iommu:qi_submit too (see 'iommukit record --help')";

    private readonly string _counted;

    private TraceCalibration(string name, FlushGaps gaps, TraceMachine machine, CalibrationOptions options)
    {
        Name = name;
        Options = options;
        Kernel = machine.Kernel;
        IsVirtual = machine.IsVirtual;
        ClockStepUs = gaps.ClockStep / 1000.0;
        bool hasCommands = gaps.Commands != 0;
        _counted = hasCommands ? "commands of the queue" : "flushes of cache tags";
        Flushes = hasCommands ? gaps.Commands : gaps.Tags;
        RefuseWithout(gaps);
        var fits = gaps.Samples
            .Where(one => one.Sample.Count >= FewestGaps && gaps.IsCommand(one.Kind.Start) == hasCommands)
            .Select(one => new Fit(KindOf(one.Kind.Start, one.Kind.End, one.Sample), one.Sample))
            .OrderByDescending(fit => fit.Kind.Count)
            .ToList();
        Gaps = [.. fits.Select(fit => fit.Kind)];

        // The kind of flush that there is most of, and of what follows it the event that comes soonest.
        var waits = fits.Where(fit => fit.Kind.End != GapEnd.Flush && gaps.IsOfTranslations(fit.Kind.Start)).ToList();
        string? most = waits.GroupBy(fit => fit.Kind.Start, StringComparer.Ordinal).MaxBy(group => group.Sum(fit => fit.Kind.Count))?.Key;
        var used = waits.Where(fit => fit.Kind.Start == most).MinBy(fit => fit.Kind.Us) ?? throw Problem(
            $"has too few flushes to fit costs to: none of one kind was followed {FewestGaps} times by another event of its task on its processor");
        Used = used.Kind;
        long[] sorted = used.Sample.Sorted();
        if (sorted[sorted.Length / 20] == sorted[^((sorted.Length / 20) + 1)])
        {
            throw Problem(string.Create(
                CultureInfo.InvariantCulture,
                $"all gaps after its flushes are alike, {Used.Us:0.###} us; they tell the step of a clock or were made up, and no costs can be fitted to them"));
        }

        BetweenCommands = hasCommands && gaps.BetweenCommands.Count >= FewestGaps
            ? KindOf("command", GapEnd.Flush, gaps.BetweenCommands)
            : null;
        SharesWaits = BetweenCommands is { } between && between.Us * 2 <= Used.Us;
        Costs = [.. CostsOf(sorted, gaps.BetweenCommands)];
    }

    /// <summary>How messages name the trace.</summary>
    public string Name { get; }

    /// <summary>The kernel; null if the trace does not say.</summary>
    public string? Kernel { get; }

    /// <summary>Whether something says that it was recorded in a virtual machine.</summary>
    public bool IsVirtual { get; }

    /// <summary>Flushes in the trace: commands of the queue of every kind, or where only those were recorded flushes of cache tags.</summary>
    public long Flushes { get; }

    /// <summary>The step of the trace's clock, in microseconds: gaps are known to no less.</summary>
    public double ClockStepUs { get; }

    /// <summary>How intervals were drawn.</summary>
    public CalibrationOptions Options { get; }

    /// <summary>The gaps by kind, those with the most first; none with fewer than <see cref="FewestGaps"/>.</summary>
    public IReadOnlyList<GapKind> Gaps { get; }

    /// <summary>The gaps that the cost of a submission is fitted to.</summary>
    public GapKind Used { get; }

    /// <summary>The gaps between commands of one task; null if there are too few.</summary>
    public GapKind? BetweenCommands { get; }

    /// <summary>Whether commands that follow each other are so close that they must have one wait.</summary>
    public bool SharesWaits { get; }

    /// <summary>What was fitted: a command, and the rest of a submission with its wait.</summary>
    public IReadOnlyList<TraceCost> Costs { get; }

    /// <summary>The costs of everything else; null if they are unknown.</summary>
    public CostVector? Others => Options.Prior.Source;

    /// <summary>Fits costs to a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="options">
    /// How many resamples, and where their random numbers start. What the trace does not tell is taken from the costs of the prior, whatever width
    /// they have.
    /// </param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">The file cannot be used, or says nothing of costs; the message says why.</exception>
    public static TraceCalibration Run(string path, CalibrationOptions options, bool isLenient = false, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var reader = TraceFile.Open(path, isLenient, onRead);
        var gaps = new FlushGaps();
        var machine = new TraceMachine();
        while (reader.Read(out var traceEvent))
        {
            gaps.Note(traceEvent, reader);
            machine.See(traceEvent, reader);
        }

        machine.Take(reader);
        return new TraceCalibration(TraceReader.NameOf(path), gaps, machine, options);
    }

    /// <summary>All costs as a vector that can be written to a file.</summary>
    /// <param name="name">Its name.</param>
    public CostVector ToVector(string name) => new()
    {
        Name = name,
        Description = $"Fitted to the recorded gaps after {Flushes} {_counted} in {Path.GetFileName(Name)}: upper bounds, as a gap holds other work too"
            + (IsVirtual ? "; of a virtual machine, with its hypervisor. " : ". ")
            + (Others is null ? "Everything else is unknown." : $"Everything else is from {Others.Name}."),
        Unit = "us",
        Components = new CostComponents(ComponentsOf()),
    };

    private IEnumerable<KeyValuePair<OperationKind, CostComponent>> ComponentsOf()
    {
        foreach (var kind in OperationKinds.All)
        {
            if (Costs.FirstOrDefault(cost => cost.Kind == kind) is { } cost)
            {
                // No width: a bound is no knowledge of what the cost is, so that it is no prior.
                yield return new(kind, new CostComponent(cost.Us, cost.Interval is null ? "assumed" : "fitted", cost.Source));
            }
            else if (Others?.Components.Has(kind) == true)
            {
                var other = Others.Components[kind];
                yield return new(kind, new CostComponent(other.Us, "assumed", $"Not in the trace; taken from {Others.Name}: {other.Source}"));
            }
        }
    }

    private IEnumerable<TraceCost> CostsOf(long[] waits, GapSample between)
    {
        double[] waitDraws = ShortestHalf.Resample(waits, Options.Resamples, Options.Seed);
        double[] commandDraws = new double[waitDraws.Length];
        double command = Others?.Components[OperationKind.Command].Us ?? 0;
        if (SharesWaits)
        {
            command = BetweenCommands!.Us;
            commandDraws = ShortestHalf.Resample(between.Sorted(), Options.Resamples, Options.Seed + 1);
            yield return new TraceCost(OperationKind.Command, command, BetweenCommands.Interval, string.Create(
                CultureInfo.InvariantCulture,
                $"Upper bound from {BetweenCommands.Count} gaps between commands of one submission, of the processor alone: what hardware does for a command is "
                    + $"in the doorbell; 90 % interval {Text(BetweenCommands.Interval)} us."));
        }
        else
        {
            Array.Fill(commandDraws, command * 1000);
            yield return new TraceCost(
                OperationKind.Command,
                command,
                null,
                $"The trace cannot tell a command from its wait, as {(BetweenCommands is null ? "hardly ever one follows another" : "each has its own")}; "
                    + (Others is null
                        ? "unknown, so that it is in the doorbell."
                        : $"taken from {Others.Name}. Only {CommandsPerSubmission} commands and a doorbell together are bounded: what one is too high by, "
                            + "the other is too low by."));
        }

        double doorbell = Math.Round(Math.Max(0, Used.Us - (CommandsPerSubmission * command)), 6);
        var interval = InUs(ShortestHalf.IntervalOf(
            [.. waitDraws.Select((wait, i) => Math.Max(0, wait - (CommandsPerSubmission * commandDraws[i])))]));
        yield return new TraceCost(OperationKind.Doorbell, doorbell, interval, string.Create(
            CultureInfo.InvariantCulture,
            $"Upper bound: {Used.Us:0.####} us from {Used.Start} to {EndOf(Used.End)} ({Used.Count} gaps), without the {CommandsPerSubmission} commands of a "
                + $"submission; the wait until they are done is in it; 90 % interval {Text(interval)} us."));
    }

    /// <summary>What an event at the end of a gap is called.</summary>
    public static string EndOf(GapEnd end) => end switch
    {
        GapEnd.Flush => "flush",
        GapEnd.Map => "map",
        GapEnd.Unmap => "unmap",
        _ => "another event",
    };

    private GapKind KindOf(string start, GapEnd end, GapSample sample)
    {
        long[] sorted = sample.Sorted();
        return new GapKind(
            start,
            end,
            sample.Count,
            sorted[sorted.Length / 20] / 1000.0,
            Math.Round(ShortestHalf.MeanOf(sorted) / 1000, 6),
            InUs(ShortestHalf.IntervalOf(ShortestHalf.Resample(sorted, Options.Resamples, Options.Seed))),
            sorted[^((sorted.Length / 20) + 1)] / 1000.0);
    }

    /// <summary>An interval in microseconds, with what the clock leaves open.</summary>
    private Interval90 InUs(Interval90 nanoseconds) =>
        new(Math.Max(0, (nanoseconds.Low / 1000) - (ClockStepUs / 2)), (nanoseconds.High / 1000) + (ClockStepUs / 2));

    private void RefuseWithout(FlushGaps gaps)
    {
        if (Flushes == 0)
        {
            throw Problem(NoEvents);
        }

        if (!gaps.HasTimes)
        {
            throw Problem("its events have no times (a clock that counts events has none), so that no costs can be fitted to it");
        }

        if (gaps.LacksContext)
        {
            throw Problem("its flushes do not say their task and processor, so that nothing tells what followed one, and no costs can be fitted to it");
        }
    }

    private InputException Problem(string text) => new(Name, null, text);

    private static string Text(Interval90 interval) => string.Create(CultureInfo.InvariantCulture, $"{interval.Low:0.####} to {interval.High:0.####}");

    private sealed record Fit(GapKind Kind, GapSample Sample);
}
