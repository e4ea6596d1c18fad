using IommuKit.Cli.Commands;
using IommuKit.Domains;
using IommuKit.Lab.Audit;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Checker;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Explain;
using IommuKit.Lab.Replay;
using IommuKit.PageTables;

namespace IommuKit.Cli.Output.Report;

/// <summary>Everything that a report tells, run. Whatever is in the report comes from here.</summary>
/// <param name="Request">What it is about.</param>
/// <param name="Costs">What operations cost in the bench and in replays.</param>
/// <param name="Bench">The proposal's experiment.</param>
/// <param name="Explanation">What the gain of the proposal is due to.</param>
/// <param name="Traces">The traces.</param>
/// <param name="Check">What the checker found; null if it was not asked.</param>
internal sealed record ReportRun(
    ReportRequest Request,
    CostVector Costs,
    IReadOnlyList<BenchRow> Bench,
    Explanation Explanation,
    IReadOnlyList<TraceRun> Traces,
    CheckResult? Check)
{
    /// <summary>The policy of the proposal's "before".</summary>
    public const SyncPolicy From = SyncPolicy.PerPage;

    /// <summary>The policy of the proposal's "after".</summary>
    public const SyncPolicy To = SyncPolicy.RangeFlush;

    /// <summary>All scenarios of up to this many operations are checked: a short check, so that a report takes seconds.</summary>
    public const int CheckDepth = 2;

    /// <summary>Runs everything.</summary>
    /// <param name="request">What.</param>
    /// <param name="report">Told of each phase and how much of it is done; or null.</param>
    public static ReportRun Run(ReportRequest request, Action<string, double>? report)
    {
        report?.Invoke("costs", 0);
        var calibration = request.Costs.Given is null ? CalibrationSource.Run(request.Costs.Measurements, request.Costs.Calibration, report) : null;
        var costs = request.Costs.Take(calibration);
        report?.Invoke("costs", 1);

        // What the proposal measured is compared whichever policies are chosen.
        var options = new BenchOptions
        {
            Machines = [request.Kind],
            Policies = [.. request.Policies.Union([From, To]).Order()],
            Costs = costs,
        };
        var bench = Collect("bench", 2 * options.Policies.Count * options.Sizes.Count, BenchRunner.Run(options), report);
        var workloads = Collect(
            "explain", 2 * options.Sizes.Count, options.Sizes.SelectMany(size => SizeWorkloads.Run(request.Kind, From, To, size)), report);
        var explanation = new Explanation(workloads, costs, calibration);
        TraceRun[] traces = [.. request.Traces.Select(file => Read(file, request, costs, explanation, report))];
        return new ReportRun(request, costs, bench, explanation, traces, request.HasCheck ? CheckDriver(request, report) : null);
    }

    private static TraceRun Read(string file, ReportRequest request, CostVector costs, Explanation explanation, Action<string, double>? report)
    {
        string name = Path.GetFileName(file);
        var replays = Replayer.Run(
            file,
            new ReplayOptions { Machines = [request.Kind], Policies = request.Policies, Costs = costs },
            Progress.Share(file, $"replay {name}", report));
        var audit = Auditor.Run(file, isLenient: false, Progress.Share(file, $"audit {name}", report));
        bool isReplayed = replays.Any(replay => replay.MapLatency.Count + replay.UnmapLatency.Count != 0);
        return new TraceRun(file, replays, isReplayed ? Explain() : null, audit);

        Attribution Explain()
        {
            var (work, _) = TraceWorkload.Run(file, request.Kind, From, To, Progress.Share(file, $"explain {name}", report));
            return new Attribution(work, CostTerms.VectorOf(explanation.Costs.Components), explanation.Calibration?.Draws ?? []);
        }
    }

    private static CheckResult CheckDriver(ReportRequest request, Action<string, double>? report)
    {
        var target = CheckTargets.Find(request.Kind.Name)!;
        return CheckRunner.Run(new CheckOptions
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
    }

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
