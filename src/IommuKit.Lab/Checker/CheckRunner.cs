using System.Diagnostics;
using IommuKit.Domains;
using IommuKit.Lab.Checker.Planted;
using IommuKit.Lab.Checker.Scenarios;

namespace IommuKit.Lab.Checker;

/// <summary>Checks drivers: first whether the checker finds planted bugs, then all short scenarios, then random ones.</summary>
public static class CheckRunner
{
    // A planted bug shows in that many operations: map, unmap, and what comes of it.
    private const int PlantedDepth = 3;

    /// <summary>Runs everything.</summary>
    public static CheckResult Run(CheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var planted = Plant(options);
        if (!planted.All(result => result.IsCaught))
        {
            return new CheckResult(planted, []);
        }

        var results = options.Configurations.Select(configuration => new ConfigurationResult(configuration)).ToArray();
        for (int depth = 1; depth <= options.Depth; depth++)
        {
            RunAll(results, depth, options);
        }

        RunRandom(results, options);
        return new CheckResult(planted, results);
    }

    /// <summary>Runs scenarios, shortest first, until one fails.</summary>
    public static CheckFinding? FindFirst(CheckConfiguration configuration, PlantedBug? bug, int depth)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var alphabet = SmallScope.Alphabet(configuration);
        for (int length = 1; length <= depth; length++)
        {
            foreach (var operations in SmallScope.Sequences(alphabet, length))
            {
                var scenario = new CheckCase(configuration, bug, operations);
                if (scenario.Run().Violation is { } violation)
                {
                    return CheckFinding.From(scenario with { Operations = [.. operations] }, violation);
                }
            }
        }

        return null;
    }

    private static PlantedResult[] Plant(CheckOptions options)
    {
        // Each bug on each target, under the first policy that can have it.
        var plans = (
            from bug in PlantedBugs.All
            from target in options.Configurations.GroupBy(configuration => configuration.Target)
            let configuration = target.OrderBy(configuration => Rank(configuration.Policy)).FirstOrDefault(bug.AppliesTo)
            where configuration is not null
            select (bug, configuration)).ToArray();
        var results = new PlantedResult[plans.Length];
        int done = 0;
        Parallel.For(0, plans.Length, i =>
        {
            results[i] = new PlantedResult(plans[i].bug, plans[i].configuration, FindFirst(plans[i].configuration, plans[i].bug, PlantedDepth));
            options.Progress?.Invoke("planted bugs", (double)Interlocked.Increment(ref done) / plans.Length);
        });
        return results;
    }

    /// <summary>Planted bugs are best seen where an operation has few accesses.</summary>
    private static int Rank(SyncPolicy policy) => policy == SyncPolicy.PerPage ? 1 : policy == SyncPolicy.Gather ? -1 : 0;

    private static void RunAll(ConfigurationResult[] results, int depth, CheckOptions options)
    {
        string what = $"all scenarios of {depth} {(depth == 1 ? "operation" : "operations")}";
        int done = 0;
        Parallel.ForEach(results, result =>
        {
            foreach (var operations in SmallScope.Sequences(SmallScope.Alphabet(result.Configuration), depth))
            {
                if (result.Finding is not null)
                {
                    break;
                }

                result.Sequences++;
                var scenario = new CheckCase(result.Configuration, null, operations);
                if (Note(result, scenario.Run()) is { } violation)
                {
                    result.Finding = CheckFinding.From(scenario with { Operations = [.. operations] }, violation);
                }
            }

            options.Progress?.Invoke(what, (double)Interlocked.Increment(ref done) / results.Length);
        });
    }

    private static void RunRandom(ConfigurationResult[] results, CheckOptions options)
    {
        long start = Stopwatch.GetTimestamp();
        var waiting = results.Select((result, index) => (result, index)).ToArray();
        for (int round = 0; Stopwatch.GetElapsedTime(start) < options.RandomTime; round++)
        {
            Parallel.ForEach(waiting, item =>
            {
                if (item.result.Finding is null && Stopwatch.GetElapsedTime(start) < options.RandomTime)
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
        var operations = RandomScenario.Create(
            SmallScope.Alphabet(configuration), configuration.Target.Layout, options.RandomLength, new Random(seed));
        result.RandomScenarios++;
        var scenario = new CheckCase(configuration, null, operations);
        if (Note(result, scenario.Run()) is { } violation)
        {
            var (smaller, still) = RandomScenario.Shrink(scenario, violation);
            result.Finding = CheckFinding.From(smaller, still);
        }
    }

    private static Violation? Note(ConfigurationResult result, CheckOutcome outcome)
    {
        result.Operations += outcome.Operations;
        result.Steps += outcome.Steps;
        result.Exhausted += outcome.IsExhausted ? 1 : 0;
        return outcome.Violation;
    }
}
