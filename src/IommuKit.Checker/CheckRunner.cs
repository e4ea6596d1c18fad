using System.Diagnostics;
using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;

namespace IommuKit.Checker;

/// <summary>Checks drivers: first whether the checker finds planted bugs, then all short scenarios, then random ones.</summary>
public static class CheckRunner
{
    /// <summary>In how many operations a planted bug shows: map, unmap, and what comes of it.</summary>
    public const int PlantedDepth = 3;

    // Scenarios of up to that many operations are also measured for waste, the same ones under every policy.
    private const int MeasuredDepth = 2;

    // After all scenarios of that many operations come longer ones of some kinds.
    private const int FollowUpDepth = 2;

    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    /// <summary>Runs everything.</summary>
    public static CheckResult Run(CheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var planted = Plant(options);
        if (options.Cancellation.IsCancellationRequested)
        {
            PlantedResult[] tried = [.. planted.OfType<PlantedResult>()];
            return new CheckResult(tried, []) { IsInterrupted = true, PlantedNotTried = planted.Length - tried.Length };
        }

        PlantedResult[] all = [.. planted.OfType<PlantedResult>()];
        if (!Array.TrueForAll(all, result => result.IsCaught))
        {
            // A driver that is itself wrong hides what is planted in it, or gives it another name.
            var own = all.Select(result => result.Own).OfType<CheckFinding>()
                .Where(finding => finding.IsConfirmed)
                .DistinctBy(finding => finding.Case.Configuration);
            return new CheckResult(all, [.. own.Select(finding => new ConfigurationResult(finding.Case.Configuration) { Finding = finding })]);
        }

        var results = options.Configurations.Select(configuration => new ConfigurationResult(configuration)).ToArray();
        var atEnds = options.AtEnds.Select(configuration => new ConfigurationResult(configuration with { Place = CheckPlace.Ends })).ToArray();
        RunSequences(atEnds, "the ends of the address space", options, EndsScenarios.Of);
        bool isToldOfLong = false;
        for (int depth = 1; depth <= options.Depth && Array.TrueForAll(results, IsClean) && !options.Cancellation.IsCancellationRequested; depth++)
        {
            long start = Stopwatch.GetTimestamp();
            RunAll(results, depth, options);
            if (depth > 1 && Array.TrueForAll(results, IsClean))
            {
                RunInterleavings(results, depth, options);
            }

            if (depth == FollowUpDepth && Array.TrueForAll(results, IsClean))
            {
                RunSequences(results, "reuse", options, configuration => FollowUps.Sequences(configuration));
                RunInterleavings(results, "interruptions of flushes and attaches", options, configuration => FollowUps.Interruptions(configuration));
            }

            isToldOfLong = isToldOfLong || TellOfLong(results, depth, Stopwatch.GetElapsedTime(start), options);
        }

        if (Array.TrueForAll(results, IsClean))
        {
            RunRandom(results, options);
        }

        return new CheckResult(all, results) { AtEnds = atEnds, IsInterrupted = options.Cancellation.IsCancellationRequested };
    }

    /// <summary>Runs scenarios, shortest first, until one fails.</summary>
    public static CheckFinding? FindFirst(CheckConfiguration configuration, PlantedBug? bug, int depth) =>
        FindFirst(configuration, bug, depth, CancellationToken.None);

    /// <summary>Runs scenarios, shortest first, until one fails.</summary>
    /// <exception cref="OperationCanceledException">It was ended before one failed.</exception>
    internal static CheckFinding? FindFirst(CheckConfiguration configuration, PlantedBug? bug, int depth, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var scenarios = bug is { ShowsInFollowUps: true }
            ? FollowUps.Sequences(configuration, bug)
            : Enumerable.Range(1, depth).SelectMany(length => bug is { NeedsTwoThreads: true }
                ? Interleavings.All(configuration, bug, length + 1)
                : Sequences(configuration, bug, length));
        foreach (var scenario in scenarios)
        {
            cancellation.ThrowIfCancellationRequested();
            if (scenario.Run().Violation is { } violation)
            {
                return CheckFinding.From(scenario with { Operations = [.. scenario.Operations] }, violation);
            }
        }

        return null;
    }

    /// <summary>Says how long the rest takes, if that is an hour or more.</summary>
    private static bool TellOfLong(ConfigurationResult[] results, int depth, TimeSpan taken, CheckOptions options)
    {
        if (depth >= options.Depth || results.Length == 0 || options.Cancellation.IsCancellationRequested)
        {
            return false;
        }

        double operations = results.Average(result => SmallScope.Alphabet(result.Configuration).Count);
        var estimate = DepthEstimate.Of(depth, options.Depth, taken, operations);
        if (estimate.Time < Long)
        {
            return false;
        }

        options.OnLong?.Invoke(estimate);
        return true;
    }

    private static bool IsClean(ConfigurationResult result) => result.Finding is null;

    private static IEnumerable<CheckCase> Sequences(CheckConfiguration configuration, PlantedBug? bug, int depth) =>
        SmallScope.Sequences(SmallScope.Alphabet(configuration), depth).Select(operations => new CheckCase(configuration, bug, operations));

    /// <summary>Plants bugs; null stands for those that were not tried to an end.</summary>
    private static PlantedResult?[] Plant(CheckOptions options)
    {
        // Each bug on each target, under the first policy that can have it.
        var targets = options.Configurations.GroupBy(configuration => configuration.Target).ToList();
        var plans = (
            from name in targets.SelectMany(target => PlantedBugs.Of(target.Key)).Select(bug => bug.Name).Distinct(StringComparer.Ordinal)
            from target in targets
            let bug = PlantedBugs.Find(target.Key, name)
            where bug is not null
            let configuration = target.OrderBy(configuration => Rank(configuration.Policy)).FirstOrDefault(bug.AppliesTo)
            where configuration is not null
            select (bug, configuration)).ToArray();
        var results = new PlantedResult?[plans.Length];
        int done = 0;
        Parallel.For(0, plans.Length, i =>
        {
            try
            {
                results[i] = PlantedResult.Of(plans[i].bug, plans[i].configuration, options.Cancellation);
            }
            catch (OperationCanceledException) when (options.Cancellation.IsCancellationRequested)
            {
                return;
            }

            options.Progress?.Invoke("planted bugs", (double)Interlocked.Increment(ref done) / plans.Length);
        });
        return results;
    }

    /// <summary>Planted bugs are best seen where an operation has few accesses.</summary>
    private static int Rank(SyncPolicy policy) => policy switch
    {
        SyncPolicy.Gather => 0,
        SyncPolicy.PerPage => 2,
        _ => 1,
    };

    private static void RunAll(ConfigurationResult[] results, int depth, CheckOptions options) => RunEach(
        results, $"all scenarios of {Count(depth)}", options, (result, scenario) =>
        {
            result.Sequences++;
            Run(result, scenario, isMeasured: depth <= MeasuredDepth);
        },
        configuration => Sequences(configuration, null, depth));

    private static void RunSequences(
        ConfigurationResult[] results, string what, CheckOptions options, Func<CheckConfiguration, IEnumerable<CheckCase>> scenarios) => RunEach(
        results, what, options, (result, scenario) =>
        {
            result.Sequences++;
            Run(result, scenario, isMeasured: false);
        },
        scenarios);

    private static void RunInterleavings(ConfigurationResult[] results, int depth, CheckOptions options)
    {
        if (depth == 2)
        {
            // Few, and what lacks a lock or gives a table back too early shows in them first.
            RunInterleavings(results, "interruptions of unmaps", options, Interleavings.OfUnmaps);
        }

        if (Array.TrueForAll(results, IsClean))
        {
            RunInterleavings(
                results,
                $"all interruptions in scenarios of {Count(depth)}",
                options,
                configuration => Interleavings.All(configuration, null, depth));
        }
    }

    private static void RunInterleavings(
        ConfigurationResult[] results, string what, CheckOptions options, Func<CheckConfiguration, IEnumerable<CheckCase>> scenarios) => RunEach(
        results, what, options, (result, scenario) =>
        {
            result.Interleavings++;
            Run(result, scenario, isMeasured: false);
        },
        scenarios);

    private static string Count(int depth) => depth == 1 ? "one operation" : $"{depth} operations";

    private static void RunEach(
        ConfigurationResult[] results,
        string what,
        CheckOptions options,
        Action<ConfigurationResult, CheckCase> run,
        Func<CheckConfiguration, IEnumerable<CheckCase>> scenarios)
    {
        int done = 0;
        Parallel.ForEach(results, result =>
        {
            foreach (var scenario in scenarios(result.Configuration))
            {
                if (!IsClean(result) || options.Cancellation.IsCancellationRequested)
                {
                    break;
                }

                run(result, scenario);
            }

            options.Progress?.Invoke(what, (double)Interlocked.Increment(ref done) / results.Length);
        });
    }

    private static void RunRandom(ConfigurationResult[] results, CheckOptions options)
    {
        long start = Stopwatch.GetTimestamp();
        var waiting = results.Select((result, index) => (result, index)).ToArray();
        for (int round = 0; Stopwatch.GetElapsedTime(start) < options.RandomTime && !options.Cancellation.IsCancellationRequested; round++)
        {
            Parallel.ForEach(waiting, item =>
            {
                if (item.result.Finding is null
                    && Stopwatch.GetElapsedTime(start) < options.RandomTime
                    && !options.Cancellation.IsCancellationRequested)
                {
                    RunRandom(item.result, options, unchecked((options.Seed * 1_000_003) + (round * results.Length) + item.index));
                }
            });
            options.Progress?.Invoke("random scenarios", Math.Min(1, Stopwatch.GetElapsedTime(start) / options.RandomTime));
        }
    }

    private static void RunRandom(ConfigurationResult result, CheckOptions options, int seed)
    {
        var configuration = result.Configuration;
        var random = new Random(seed);
        var operations = RandomScenario.Create(SmallScope.Everything(configuration), configuration.Ranges, options.RandomLength, random);
        result.RandomScenarios++;
        Run(result, new CheckCase(configuration, null, operations, RandomScenario.Interrupt(operations, random)), isMeasured: false);
    }

    private static void Run(ConfigurationResult result, CheckCase scenario, bool isMeasured)
    {
        var outcome = scenario.Run(waste: isMeasured ? result.Waste : null);
        result.Operations += outcome.Operations;
        result.Steps += outcome.Steps;
        result.Exhausted += outcome.IsExhausted ? 1 : 0;
        result.Least += outcome.Least;
        if (outcome.Violation is { } violation)
        {
            var (smaller, still) = RandomScenario.Shrink(scenario with { Operations = [.. scenario.Operations] }, violation);
            result.Finding = CheckFinding.From(smaller, still);
        }
    }
}
