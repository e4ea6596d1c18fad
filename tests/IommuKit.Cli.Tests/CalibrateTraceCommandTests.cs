using System.Text.Json.Nodes;

namespace IommuKit.Cli.Tests;

/// <summary>calibrate TRACE, from the words to the file of costs.</summary>
public sealed class CalibrateTraceCommandTests : IDisposable
{
    private static readonly string Sample = RepositoryFiles.InRepository("samples", "vfio-edu-cm.trace.gz");

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit-calibrate-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_answer_comes_first_and_the_caveat_is_told()
    {
        string text = Command.Succeed("calibrate", Sample, "--resamples", "50");

        text.ShouldStartWith("On the recorded machine a flush took at most about 5.7");
        text.ShouldContain("90 % interval of the bound");
        text.ShouldContain("upper bounds: the gap holds other work too");
        text.ShouldContain("no time of this computer is part");
        text.ShouldContain("Only 2 commands and a doorbell together are bounded");
        text.ShouldContain("doorbell: the write of the tail, what hardware does for the commands, and the wait.");
    }

    [Fact]
    public void Its_costs_are_taken_by_replay_and_bench()
    {
        string costs = In("mine.json");
        var json = JsonNode.Parse(Command.Succeed("calibrate", Sample, "--costs-out", costs, "--name", "mine", "--resamples", "50", "--json"))!;

        double doorbell = json["costs"]!.AsArray().Single(cost => (string)cost!["term"]! == "doorbell")!["us"]!.GetValue<double>();
        JsonNode.Parse(File.ReadAllText(costs))!["components"]!["doorbell"]!["us"]!.GetValue<double>().ShouldBe(doorbell);
        ((double)json["used"]!["count"]!).ShouldBe(3977);

        // Each of the maps and unmaps of a trace in caching mode has a flush, so that their time is little else.
        var replay = JsonNode.Parse(Command.Succeed("replay", Sample, "-p", "Gather", "--iommu", "vtd-guest", "--costs", costs, "--json"))![0]!;
        ((string)replay["costs"]!).ShouldBe("mine");
        (replay["virtual_us"]!.GetValue<double>() / replay["operations"]!["doorbell"]!.GetValue<double>()).ShouldBeInRange(doorbell, doorbell * 1.3);
        Command.Succeed("bench", "--iommu", "vtd-server", "-s", "128K", "-p", "Gather", "--costs", costs).ShouldContain("costs mine");
    }

    [Fact]
    public void Without_a_prior_what_the_trace_does_not_tell_is_left_out()
    {
        string costs = In("alone.json");
        Command.Succeed("calibrate", Sample, "--no-prior", "--costs-out", costs, "--resamples", "50").ShouldContain("Everything else is unknown");

        JsonNode.Parse(File.ReadAllText(costs))!["components"]!.AsObject().Select(one => one.Key).ShouldBe(["command", "doorbell"]);
    }

    [Theory]
    [InlineData("samples/e1000e-counter-lazy-qi.trace.gz", "no times")]
    [InlineData("samples/nvme-seq-strict.trace.gz", "no events of flushes")]
    public void A_trace_that_cannot_tell_is_refused_and_leaves_no_costs(string trace, string reason)
    {
        string costs = In("none.json");
        Command.Refuse("calibrate", RepositoryFiles.InRepository(trace), "--costs-out", costs).ShouldContain(reason);
        File.Exists(costs).ShouldBeFalse();
    }

    [Fact]
    public void Text_that_is_neither_a_table_nor_a_trace_is_refused_as_what_it_looks_like()
    {
        File.WriteAllText(In("words.txt"), "hello\n");
        Command.Refuse("calibrate", In("words.txt")).ShouldContain("the header has no \"operation\"");
        File.WriteAllText(In("log.txt"), "Jan 1 12:00: hello\n");
        Command.Refuse("calibrate", In("log.txt")).ShouldContain("no iommu:map");
    }

    private string In(string name) => Path.Combine(_folder, name);
}
