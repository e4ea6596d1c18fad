using IommuKit.Checker;

namespace IommuKit.Cli.Output;

/// <summary>What a check comes to, in sentences: no more than was run.</summary>
internal static class CheckAnswer
{
    /// <summary>The sentences.</summary>
    public static IEnumerable<string> Of(CheckResult result)
    {
        if (result is { IsInterrupted: true, Configurations.Count: 0 })
        {
            yield return "Interrupted while bugs were planted, so nothing is said about the drivers.";
            yield break;
        }

        if (!result.IsTrustworthy)
        {
            yield return !result.Findings.Any()
                ? "Not every planted bug was found, so nothing is said about the drivers."
                : "Not every planted bug could be told from what is wrong without it. "
                    + "Nothing is said about other configurations until that is mended:";
            yield break;
        }

        if (result.IsInterrupted)
        {
            yield return "Interrupted: what follows is of what was run until then, not of all that was asked for.";
        }

        int wrong = result.Findings.Count();
        ConfigurationResult[] run = [.. result.Configurations.Where(IsRun)];
        if (wrong != 0)
        {
            yield return $"{Numbers.Count(wrong, "configuration")} of {Numbers.Count(result.Configurations.Count + result.AtEnds.Count)} "
                + $"{(wrong == 1 ? "is" : "are")} wrong.";
        }
        else if (run.Length != 0)
        {
            yield return $"No flush is missing in {Numbers.Count(run.Length, "configuration")}, "
                + $"{Numbers.Count(run.Sum(Scenarios), "scenario")}, {Numbers.Count(run.Sum(one => one.Steps), "step")}.";
        }

        if (run.Length != result.Configurations.Count)
        {
            yield return $"Nothing was run in {Numbers.Count(result.Configurations.Count - run.Length, "configuration")}, so nothing is said about "
                + $"{(result.Configurations.Count - run.Length == 1 ? "it" : "them")}.";
        }

        int wrongAtEnds = result.AtEnds.Count(one => one.Finding is not null);
        yield return $"At the ends of the address space: {Numbers.Count(result.AtEnds.Sum(one => one.Sequences), "scenario")}, "
            + $"{Numbers.Count(result.AtEnds.Sum(one => one.Steps), "step")}, "
            + $"on {Numbers.Count(result.AtEnds.Select(one => one.Configuration.Target.Name).Distinct(StringComparer.Ordinal).Count(), "IOMMU")}, "
            + $"{(wrongAtEnds == 0 ? "nothing missing" : $"{Numbers.Count(wrongAtEnds, "configuration")} wrong")}.";
        long exhausted = result.Configurations.Concat(result.AtEnds).Sum(one => one.Exhausted);
        if (exhausted != 0)
        {
            yield return $"{Numbers.Count(exhausted, "scenario")} could not be followed to the end: "
                + "an entry had more values than the checker can tell apart.";
        }
    }

    /// <summary>How many of the planted bugs were found.</summary>
    public static string Planted(CheckResult result)
    {
        int caught = result.Planted.Count(planted => planted.IsCaught);
        string soFar = result.PlantedNotTried != 0 ? " so far" : string.Empty;
        string notTried = result.PlantedNotTried == 0 ? string.Empty : $"; {Numbers.Count(result.PlantedNotTried)} not tried";
        return $"Planted bugs: {caught} of {result.Planted.Count} found{soFar}, each with a wrong DMA in the model{notTried}";
    }

    /// <summary>Whether it says all that was asked: all planted bugs found, every configuration run, every scenario followed to its end.</summary>
    public static bool IsComplete(CheckResult result) =>
        result.IsTrustworthy && result.Configurations.All(IsRun) && result.Configurations.Concat(result.AtEnds).All(one => one.Exhausted == 0);

    private static bool IsRun(ConfigurationResult one) => Scenarios(one) != 0;

    private static long Scenarios(ConfigurationResult one) => one.Sequences + one.Interleavings + one.RandomScenarios;
}
