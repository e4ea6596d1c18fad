using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Explain;
using IommuKit.Analysis.Verdict;
using IommuKit.Checker;
using IommuKit.Checker.Scenarios;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Replay;
using IommuKit.PageTables;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output.Report;

/// <summary>Everything that a report tells, run. Whatever is in the report comes from here.</summary>
/// <param name="Request">What it is about.</param>
/// <param name="Costs">What operations cost in the bench and in replays.</param>
/// <param name="Bench">The proposal's experiment; empty if the report is about traces.</param>
/// <param name="Explanation">What the gain of the proposal is due to; null if the report is about traces.</param>
/// <param name="Traces">The traces.</param>
/// <param name="Check">What the checker found; null if it was not asked.</param>
internal sealed record ReportRun(
    ReportRequest Request,
    CostVector Costs,
    IReadOnlyList<BenchRow> Bench,
    Explanation? Explanation,
    IReadOnlyList<TraceRun> Traces,
    CheckResult? Check)
{
    /// <summary>The policy of the proposal's "before".</summary>
    public const SyncPolicy From = SyncPolicy.PerPage;

    /// <summary>The policy of the proposal's "after".</summary>
    public const SyncPolicy To = SyncPolicy.RangeFlush;

    /// <summary>The policy whose gain is explained on a trace: the proposal's knows no direction, which kernels of today do.</summary>
    public const SyncPolicy ToOfTrace = SyncPolicy.Gather;

    /// <summary>All scenarios of up to this many operations are checked: a short check, so that a report takes seconds.</summary>
    public const int CheckDepth = 2;

    /// <summary>Runs everything.</summary>
    /// <param name="request">What.</param>
    /// <param name="report">Told of each phase and how much of it is done; or null.</param>
    public static ReportRun Run(ReportRequest request, Action<string, double>? report)
    {
        report?.Invoke("costs", 0);
        var calibration = request.Costs.Fit(report);
        var costs = request.Costs.Take(calibration);
        report?.Invoke("costs", 1);

        if (request.Traces.Count != 0)
        {
            var labels = TraceLabels.Of(request.Traces);
            TraceRun[] traces = [.. request.Traces.Select((file, i) => Read(file, labels[i], request, costs, calibration, report))];
            return new ReportRun(request, costs, [], null, traces, Check());
        }

        // What the proposal measured is compared whichever policies are chosen.
        var options = new BenchOptions
        {
            Machines = [request.Kind],
            Policies = [.. request.Policies.Union([From, To]).Order()],
            Costs = costs,
        };
        options = new Catalog().WithBounds(options);
        var bench = Collect("bench", 2 * options.Policies.Count * options.Sizes.Count, BenchRunner.Run(options), report);
        var workloads = Collect(
            "explain", 2 * options.Sizes.Count, options.Sizes.SelectMany(size => SizeWorkloads.Run(request.Kind, From, To, size)), report);
        return new ReportRun(request, costs, bench, new Explanation(workloads, costs, calibration), [], Check());

        CheckResult? Check() => request.Checked is { } target ? CheckDriver(request, target, report) : null;
    }

    private static TraceRun Read(
        string file,
        string label,
        ReportRequest request,
        CostVector costs,
        CostCalibration? calibration,
        Action<string, double>? report)
    {
        bool isLenient = request.IsLenient;
        var log = request.Log is { } name ? KernelLogReader.Read(name, Progress.Share(name, "log", report)) : null;
        var verdict = Judge.Run(file, log, isLenient, Progress.Share(file, $"judge {label}", report));
        var excerpts = TraceExcerpts.Read(file, TraceFindings.LinesOf(verdict), isLenient, Progress.Share(file, $"excerpts {label}", report));
        var replays = Replayer.Run(
            file,
            new ReplayOptions
            {
                Machines = [request.Kind],
                Policies = request.Policies,
                Tunings = [request.Tuning],
                Costs = costs,
                IsLenient = isLenient,
            },
            Progress.Share(file, $"replay {label}", report));
        bool isReplayed = replays.Any(replay => replay.MapLatency.Count + replay.UnmapLatency.Count != 0);
        return new TraceRun(file, label, verdict, excerpts, replays, isReplayed ? Explain() : null);

        Attribution Explain()
        {
            var (work, _) = TraceWorkload.Run(
                file, request.Kind, From, ToOfTrace, isLenient, Progress.Share(file, $"explain {label}", report), request.Tuning);
            return new Attribution(work, costs.Components.ToVector(), calibration?.Draws ?? []);
        }
    }

    private static CheckResult CheckDriver(ReportRequest request, CheckTarget target, Action<string, double>? report) => CheckRunner.Run(new CheckOptions
    {
        Configurations =
        [
            .. from policy in request.Policies
               from release in Enum.GetValues<TableRelease>()
               select new CheckConfiguration(target, policy, release),
        ],
        Depth = CheckDepth,

        // How far random scenarios come depends on the host, and a report is the same on every host.
        RandomTime = TimeSpan.Zero,
        Progress = report,
    });

    private static List<T> Collect<T>(string phase, int total, IEnumerable<T> rows, Action<string, double>? report)
    {
        var list = new List<T>(total);
        foreach (var row in rows)
        {
            list.Add(row);
            report?.Invoke(phase, (double)list.Count / total);
        }

        return list;
    }
}
