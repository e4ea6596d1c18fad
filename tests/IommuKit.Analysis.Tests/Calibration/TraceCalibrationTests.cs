using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Calibration.Gaps;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Analysis.Tests.Calibration;

/// <summary>Costs from the gaps of a trace: of planted ones first.</summary>
public sealed class TraceCalibrationTests : IDisposable
{
    private static readonly CalibrationOptions Options = new() { Prior = new CostPrior(CostFile.Find("vtd-public")), Resamples = 200 };

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit-gaps-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Planted_costs_are_within_the_interval_although_a_third_of_the_gaps_hold_other_work()
    {
        // The work of each gap is 400 ns at least, and 100,000 times the least now and then.
        string file = new PlantedTrace(1) { MostCommands = 4 }.Write(_folder, 4000);

        var calibration = TraceCalibration.Run(file, Options);

        calibration.SharesWaits.ShouldBeTrue();
        Contains(CostOf(calibration, OperationKind.Command), 0.120);
        Contains(CostOf(calibration, OperationKind.Doorbell), 2.400);
        CostOf(calibration, OperationKind.Doorbell).Us.ShouldBe(2.4, 0.05);

        // The mean says nothing, and the median is off by more than the interval is wide.
        calibration.Used.SlowUs.ShouldBeGreaterThan(5);
    }

    [Fact]
    public void Intervals_contain_the_truth_in_80_percent_or_more()
    {
        const int Traces = 40;
        int waits = 0;
        int commands = 0;
        for (int seed = 0; seed < Traces; seed++)
        {
            var planted = new PlantedTrace(100 + seed)
            {
                MostCommands = 3,
                WaitNs = 500 + (150 * seed),
                CommandNs = 40 + (3 * seed),
                Scatter = 0.02 + (0.002 * seed),
                OtherWork = 0.1 + (0.007 * seed),
            };
            var calibration = TraceCalibration.Run(planted.Write(_folder, 800), Options);
            waits += CostOf(calibration, OperationKind.Doorbell).Interval!.Value.Contains(planted.WaitNs / 1000) ? 1 : 0;
            commands += CostOf(calibration, OperationKind.Command).Interval is { } interval && interval.Contains(planted.CommandNs / 1000) ? 1 : 0;
        }

        waits.ShouldBeGreaterThanOrEqualTo(Traces * 8 / 10);
        commands.ShouldBeGreaterThanOrEqualTo(Traces * 8 / 10);
    }

    [Fact]
    public void A_clock_of_microseconds_widens_the_interval_by_its_step()
    {
        var planted = new PlantedTrace(2) { Step = 1000, WaitNs = 6300 };

        var calibration = TraceCalibration.Run(planted.Write(_folder, 3000), Options);

        calibration.ClockStepUs.ShouldBe(1);
        calibration.Used.Interval.Width.ShouldBeInRange(1, 1.4);
        calibration.Used.Interval.Contains((planted.WaitNs + (2 * planted.CommandNs)) / 1000).ShouldBeTrue();
    }

    [Fact]
    public void Where_each_command_has_its_wait_its_own_cost_is_taken_from_elsewhere_and_the_sum_is_the_trace_s()
    {
        var calibration = TraceCalibration.Run(new PlantedTrace(3).Write(_folder, 2000), Options);

        calibration.SharesWaits.ShouldBeFalse();
        calibration.BetweenCommands.ShouldBeNull();
        var command = CostOf(calibration, OperationKind.Command);
        command.Interval.ShouldBeNull();
        command.Us.ShouldBe(CostFile.Find("vtd-public").Components[OperationKind.Command].Us);
        (CostOf(calibration, OperationKind.Doorbell).Us + (2 * command.Us)).ShouldBe(calibration.Used.Us, 1e-6);
        calibration.Used.Us.ShouldBe(2.64, 0.05);
    }

    [Fact]
    public void The_shortest_half_is_what_a_search_of_all_halves_finds()
    {
        var random = new Random(5);
        for (int i = 0; i < 200; i++)
        {
            long[] numbers = [.. Enumerable.Range(0, 1 + random.Next(60)).Select(_ => (long)Math.Pow(random.Next(1, 9), random.Next(1, 6))).Order()];
            int half = (numbers.Length / 2) + 1;

            // Halves that begin and end with whole groups of equal numbers, as those that a clock's step brings together cannot be told apart.
            var halves =
                from first in Enumerable.Range(0, numbers.Length)
                where first == 0 || numbers[first] != numbers[first - 1]
                let last = Array.FindIndex(numbers, number => numbers.Count(one => one >= numbers[first] && one <= number) >= half && number >= numbers[first])
                where last >= 0
                let inside = numbers.Where(one => one >= numbers[first] && one <= numbers[last])
                select (Width: numbers[last] - numbers[first], Mean: inside.Average());
            var all = halves.ToList();
            double expected = all.Where(one => one.Width == all.Min(each => each.Width)).Average(one => one.Mean);

            ShortestHalf.MeanOf(numbers).ShouldBe(expected, 1e-6 * expected);
        }
    }

    [Fact]
    public void The_costs_can_be_read_again_and_say_that_they_are_bounds()
    {
        string file = Path.Combine(_folder, "costs.json");
        var calibration = TraceCalibration.Run(new PlantedTrace(6) { MostCommands = 2 }.Write(_folder, 2000), Options);
        File.WriteAllText(file, CostFileWriter.Write(calibration.ToVector("mine")));

        var costs = CostFile.Load(file);

        costs.Name.ShouldBe("mine");
        costs.Description.ShouldContain("upper bounds");
        costs.Components[OperationKind.Doorbell].Kind.ShouldBe("fitted");
        costs.Components[OperationKind.Doorbell].Source.ShouldStartWith("Upper bound");

        // A bound is no knowledge of what it bounds.
        costs.Components[OperationKind.Doorbell].WidthUs.ShouldBeNull();
        costs.Components[OperationKind.EntryStored].Kind.ShouldBe("assumed");
        costs.Components.Kinds.ShouldBe(CostFile.Find("vtd-public").Components.Kinds);
    }

    [Fact]
    public void What_says_nothing_of_costs_is_refused_with_the_reason()
    {
        string alike = new PlantedTrace(7) { Scatter = 0, OtherWork = 0 }.Write(_folder, 200);
        Refused(alike).ShouldContain("are alike");

        string few = new PlantedTrace(8).Write(_folder, 20);
        Refused(few).ShouldContain("too few flushes");

        string text = File.ReadAllText(new PlantedTrace(9).Write(_folder, 40));
        Refused(Written(string.Join('\n', text.Split('\n').Where(line => !line.Contains("qi_submit"))))).ShouldContain("no events of flushes");
        Refused(RepositoryFiles.InRepository("samples/e1000e-counter-lazy-qi.trace.gz")).ShouldContain("no times");
    }

    [SharedFact]
    public void Recorded_traces_bound_a_flush_by_their_shortest_gaps()
    {
        // Counted apart, with awk: of 19,805 gaps from a flush to an unmap of the same task a quarter are up to 7 µs and half up to 10.
        var strict = TraceCalibration.Run(RepositoryFiles.InShared("traces/nvme-rand-strict-qi/trace.gz"), Options);
        (strict.Used.Start, strict.Used.End, strict.Used.Count).ShouldBe(("iotlb_pages", GapEnd.Unmap, 19_805));
        strict.Used.Us.ShouldBeInRange(6, 8);
        strict.Used.FastUs.ShouldBe(4);

        // In caching mode maps are flushed too, and what follows them comes sooner.
        var caching = TraceCalibration.Run(RepositoryFiles.InShared("traces/vfio-edu-cm/trace.gz"), Options);
        (caching.Used.End, caching.Used.Count).ShouldBe((GapEnd.Map, 3977));
        caching.Used.Us.ShouldBeInRange(5, 7);
    }

    private static TraceCost CostOf(TraceCalibration calibration, OperationKind kind) => calibration.Costs.Single(cost => cost.Kind == kind);

    private static void Contains(TraceCost cost, double truth) =>
        cost.Interval!.Value.Contains(truth).ShouldBeTrue($"{truth} is not in {cost.Interval}");

    private static string Refused(string file) => Should.Throw<InputException>(() => TraceCalibration.Run(file, Options)).Message;

    private string Written(string text)
    {
        string file = Path.Combine(_folder, "written.trace");
        File.WriteAllText(file, text);
        return file;
    }
}
