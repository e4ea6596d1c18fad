using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>What <c>iommukit check</c> prints, and how it ends.</summary>
public class CheckCommandTests
{
    private static readonly string[] Quick =
        ["check", "--iommu", "tegra210", "--policy", "gather", "--release", "never", "--depth", "1", "--time", "0"];

    [Fact]
    public void Json_has_the_documented_fields()
    {
        using var json = JsonDocument.Parse(Command.Succeed([.. Quick, "--json"]));
        var root = json.RootElement;
        root.GetProperty("planted").GetInt32().ShouldBeGreaterThan(10);
        root.GetProperty("planted_caught").GetInt32().ShouldBe(root.GetProperty("planted").GetInt32());
        root.GetProperty("configurations").GetInt32().ShouldBe(1);
        root.GetProperty("steps").GetInt64().ShouldBeGreaterThan(0);
        root.GetProperty("missing").GetArrayLength().ShouldBe(0);
        string documented = File.ReadAllText(RepositoryFiles.InRepository("docs", "json.md"));
        var fields = root.EnumerateObject()
            .Concat(root.GetProperty("wasted").EnumerateObject())
            .Concat(root.GetProperty("checked")[0].EnumerateObject());
        foreach (var field in fields)
        {
            documented.ShouldContain($"`{field.Name}`");
        }
    }

    [Fact]
    public void Tables_say_that_all_planted_bugs_were_found_and_that_nothing_is_wrong()
    {
        string text = Command.Succeed(Quick);
        text.ShouldStartWith("No flush is missing in 1 configuration, ");
        text.ShouldMatch(@"\nPlanted bugs: ([0-9]+) of \1 found, each with a wrong DMA in the model\n");
        text.ShouldContain("tlb-before-table-cache");
        Command.Succeed([.. Quick, "--csv"]).ShouldStartWith("iommu,policy,release,sequences,interruptions,");
    }

    [Fact]
    public void On_a_narrow_screen_what_is_left_out_is_said_and_what_stays_is_explained()
    {
        string narrow = string.Join(' ', Command.Run(80, Quick).Output.Split([' ', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
        narrow.ShouldContain("What the driver does wrong");
        narrow.ShouldContain("Left out, as the terminal is narrow: ");
        narrow.ShouldNotContain("Like: ");
        Command.Succeed(Quick).ShouldContain("Like: the real bug that it is like, by its row in docs/checker.md");
        string documented = File.ReadAllText(RepositoryFiles.InRepository("docs", "checker.md"));
        documented.ShouldContain("| M7 |");
    }

    /// <summary>What nobody tried is not found, and what nobody ran is not right.</summary>
    [Fact]
    public void No_more_is_said_than_was_run()
    {
        Command.Refuse("check", "--iommu", "tegra30", "--depth", "0", "--time", "0", "--policy", "Gather").ShouldContain("nothing is run");
        var configuration = new Checker.Scenarios.CheckConfiguration(
            Checker.CheckTargets.Find("tegra30")!, Domains.SyncPolicy.Gather, PageTables.TableRelease.Never);
        var nothing = new Checker.CheckResult([], [new Checker.ConfigurationResult(configuration)]);
        Output.CheckAnswer.IsComplete(nothing).ShouldBeFalse();
        string[] sentences = [.. Output.CheckAnswer.Of(nothing)];
        sentences.ShouldContain("Nothing was run in 1 configuration, so nothing is said about it.");
        sentences.ShouldAllBe(sentence => !sentence.Contains("No flush is missing"));
        var ended = new Checker.CheckResult([], []) { IsInterrupted = true, PlantedNotTried = 5 };
        Output.CheckAnswer.Planted(ended).ShouldBe("Planted bugs: 0 of 0 found so far, each with a wrong DMA in the model; 5 not tried");
        Output.CheckAnswer.Of(ended).ShouldBe(["Interrupted while bugs were planted, so nothing is said about the drivers."]);
    }

    [Fact]
    public void A_time_that_nobody_waits_for_is_no_number_of_days()
    {
        Commands.CheckCommand.Describe(new Checker.DepthEstimate(2, 99, TimeSpan.MaxValue))
            .ShouldBe("depths 2 to 99 will take longer than anybody waits here, by the time that depth 1 took");
        Commands.CheckCommand.Describe(new Checker.DepthEstimate(3, 3, TimeSpan.FromDays(36_524)))
            .ShouldBe("depth 3 will take about 36,524 days here, by the time that depth 2 took");
        Commands.CheckCommand.Describe(new Checker.DepthEstimate(3, 3, TimeSpan.FromDays(36_525)))
            .ShouldBe("depth 3 will take longer than anybody waits here, by the time that depth 2 took");
        Commands.CheckCommand.Describe(new Checker.DepthEstimate(3, 3, TimeSpan.FromDays(3)))
            .ShouldBe("depth 3 will take about 3 days here, by the time that depth 2 took");
    }

    [UnixFact]
    public void Depths_that_take_hours_are_told_of_and_an_interrupt_prints_what_was_covered()
    {
        string folder = Directory.CreateTempSubdirectory("iommukit").FullName;
        try
        {
            // It is interrupted once it has said how long it takes, or given up if it never does.
            var (code, output, _) = Shell.Run(
                folder,
                $$"""
                set -m
                {{Shell.Iommukit}} check --iommu tegra210 --policy gather --release never --depth 9 --time 0 -o result.json 2> told & command=$!
                for i in $(seq 900); do grep -q 'Ctrl-C' told && break; sleep 0.1; done
                kill -INT $command; wait $command; code=$?
                cat told; exit $code
                """);
            output.ShouldMatch(
                "depths 2 to 9 will take (about [0-9,]+ (hour|day)s?|longer than anybody waits) here, by the time that depth 1 took; Ctrl-C ends it");
            output.ShouldContain("iommukit: check: stopping …");
            output.ShouldContain("iommukit: wrote result.json");
            code.ShouldBe(130);
            using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "result.json")));
            json.RootElement.GetProperty("interrupted").GetBoolean().ShouldBeTrue();
            json.RootElement.GetProperty("checked")[0].GetProperty("sequences").GetInt64().ShouldBeGreaterThan(0);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Ten operations to go on with: 20 times as long for two as for one, 15 times that for three.</summary>
    [Fact]
    public void The_time_of_deeper_scenarios_is_estimated_by_how_many_there_are()
    {
        var second = TimeSpan.FromSeconds(1);
        Checker.DepthEstimate.Of(1, 2, second, 10).ShouldBe(new(2, 2, 20 * second));
        Checker.DepthEstimate.Of(1, 3, second, 10).ShouldBe(new(2, 3, 320 * second));
        Checker.DepthEstimate.Of(2, 3, second, 10).ShouldBe(new(3, 3, 15 * second));
        Checker.DepthEstimate.Of(1, int.MaxValue, second, 10).Time.ShouldBe(TimeSpan.MaxValue);
        Checker.DepthEstimate.Of(1, 1000, TimeSpan.Zero, 10).Time.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_planted_bug_is_shown_with_its_wrong_DMA_and_can_be_run_again()
    {
        var (code, planted, _) = Command.Run("check", "--plant", "unmap-tlb", "--iommu", "tegra30", "--json");
        code.ShouldBe(1);
        using var json = JsonDocument.Parse(planted);
        var finding = json.RootElement[0];
        finding.GetProperty("verdict").GetString().ShouldBe("missing");
        finding.GetProperty("confirmed").GetBoolean().ShouldBeTrue();
        finding.GetProperty("promised").GetString().ShouldBe("fault");
        finding.GetProperty("dma").GetString()!.ShouldContain("reaches 0x");

        // The command that it prints, word for word.
        string again = finding.GetProperty("again").GetString()!;
        string[] words = again.Replace("\"", string.Empty, StringComparison.Ordinal).Split(' ');
        words[0].ShouldBe("iommukit");
        var (codeAgain, replayed, _) = Command.Run([.. words[1..], "--json"]);
        codeAgain.ShouldBe(1);
        replayed.ShouldBe(planted);
    }

    [Fact]
    public void A_scenario_without_a_fault_ends_well() =>
        Command.Succeed("check", "--iommu", "tegra30", "--policy", "gather", "--release", "never", "--replay", "map:0:40f000+12000:0")
            .ShouldContain("Nothing is wrong");

    [Theory]
    [InlineData("riscv-sv57-coherent", "explicit", "map:0:fffffffffffff000+1000:0,map:0:0+1000:1,flush:0,unmap:0:fffffffffffff000+1000,unmap:0:0+1000,flush:0")]
    [InlineData("tegra30", "gather", "detach:0,attach:0/2/map:0:40f000+12000:0")]
    [InlineData("tegra30", "explicit", "scatter:0:40f000+12000:0,unmap:0:40f000+12000,flush:0:40f000+1000,map:0:fffff000+1000:1")]
    [InlineData("tegra30", "gather", "detach:0,attach:0")]
    public void A_scenario_anywhere_that_is_looked_at_is_run(string iommu, string policy, string scenario) =>
        Command.Succeed("check", "--iommu", iommu, "--policy", policy, "--release", "never", "--replay", scenario).ShouldContain("Nothing is wrong");

    /// <summary>What two threads must not do says nothing about a driver, and what nobody looks at cannot be found.</summary>
    [Theory]
    [InlineData("map:0:40f000+12000:0/1/map:0:40f000+12000:1", "cannot interrupt")]
    [InlineData("map:0:40f000+12000:0/1/unmap:0:410000+1000", "cannot interrupt")]
    [InlineData("map:0:40f000+12000:0,detach:0/1/map:0:40f000+12000:1", "cannot interrupt")]
    [InlineData("map:0:40f000+12000:0,flush:0/1/unmap:0:40f000+12000", "cannot interrupt")]
    [InlineData("map:0:10000000+1000:0,unmap:0:10000000+1000", "none of the pages that are looked at")]
    public void A_scenario_that_can_say_nothing_is_refused(string scenario, string message) =>
        Command.Refuse("check", "--iommu", "tegra30", "--policy", "explicit", "--release", "never", "--replay", scenario)
            .ShouldContain(message);

    [Theory]
    [InlineData(
        "--replay: \"map:0\" is not a scenario", "check", "--iommu", "tegra30", "--policy", "gather", "--release", "never", "--replay", "map:0")]
    [InlineData("--replay: name one --iommu", "check", "--replay", "map:0:0+1000:0")]
    [InlineData("--plant: there is no \"x\"", "check", "--plant", "x")]
    [InlineData("--plant: asid-field is not possible", "check", "--plant", "asid-field", "--iommu", "tegra210")]
    [InlineData("--iommu: there is no \"x\"", "check", "--iommu", "x")]
    [InlineData("--release: there is no \"x\"", "check", "--release", "x")]
    [InlineData("--depth: \"x\" is not", "check", "--depth", "x")]
    [InlineData("--time: \"-1\" is not", "check", "--time", "-1")]
    public void What_cannot_be_used_is_refused(string message, params string[] args) => Command.Refuse(args).ShouldContain(message);
}
