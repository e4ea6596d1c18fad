using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

public class CheckRunnerTests
{
    private static CheckConfiguration Configuration { get; } =
        new(CheckTargets.Find("x86-64-coherent")!, SyncPolicy.Gather, TableRelease.WhenCovered);

    [Fact]
    public void Every_bug_that_is_possible_is_planted_and_every_scenario_is_run()
    {
        var result = CheckRunner.Run(
            new CheckOptions { Configurations = [Configuration], AtEnds = [Configuration], Depth = 2, RandomTime = TimeSpan.Zero });

        result.Planted.Select(planted => planted.Bug).ShouldBe(PlantedBugs.Of(Configuration));
        (result.IsTrustworthy, result.IsInterrupted).ShouldBe((true, false));
        result.Findings.ShouldBeEmpty();
        var alphabet = SmallScope.Alphabet(Configuration);
        var run = result.Configurations.ShouldHaveSingleItem();
        run.Sequences.ShouldBe(
            SmallScope.Sequences(alphabet, 1).Count() + SmallScope.Sequences(alphabet, 2).Count() + FollowUps.Sequences(Configuration).Count());
        run.Interleavings.ShouldBe(
            Interleavings.OfUnmaps(Configuration).Count()
            + Interleavings.All(Configuration, null, 2).Count()
            + FollowUps.Interruptions(Configuration).Count());
        (run.RandomScenarios, run.Exhausted).ShouldBe((0, 0));
        run.Steps.ShouldBePositive();
        run.Operations.ShouldBeGreaterThan(run.Sequences);
        var ends = result.AtEnds.ShouldHaveSingleItem();
        ends.Sequences.ShouldBe(EndsScenarios.Of(Configuration with { Place = CheckPlace.Ends }).Count());
    }

    [Fact]
    public void A_check_that_is_ended_says_so()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        var result = CheckRunner.Run(new CheckOptions { Configurations = [Configuration], Cancellation = source.Token });
        result.IsInterrupted.ShouldBeTrue();
        result.Planted.ShouldBeEmpty();
        result.PlantedNotTried.ShouldBe(PlantedBugs.Of(Configuration).Count());
        result.Configurations.ShouldBeEmpty();
    }

    [Fact]
    public void A_check_that_is_ended_while_bugs_are_planted_counts_those_that_were_not_tried()
    {
        using var source = new CancellationTokenSource();
        var result = CheckRunner.Run(
            new CheckOptions { Configurations = [Configuration], Cancellation = source.Token, Progress = (_, _) => source.Cancel() });
        result.IsInterrupted.ShouldBeTrue();
        result.Planted.ShouldNotBeEmpty();
        result.Planted.ShouldAllBe(planted => planted != null);
        (result.Planted.Count + result.PlantedNotTried).ShouldBe(PlantedBugs.Of(Configuration).Count());
    }
}
