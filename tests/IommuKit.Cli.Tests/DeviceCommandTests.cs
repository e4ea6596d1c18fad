using System.Text.Json.Nodes;
using static IommuKit.Cli.Tests.Command;

namespace IommuKit.Cli.Tests;

/// <summary>replay --device, from the words to the tables.</summary>
public sealed class DeviceCommandTests : IDisposable
{
    private static readonly string Sample = RepositoryFiles.InRepository("samples", "vfio-edu-cm.trace.gz");

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit-device-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_answer_comes_first_and_says_what_dropped_walk_caches_cost()
    {
        string text = Succeed(
            "replay", Sample, "--iommu", "vtd-server", "--device", "nic", "--what-if", "--vtd-rules", "own,linux-6.12", "-p", "SplitSync");

        text.ShouldStartWith("A nic behind a vtd-server needs the fewest reads of page tables under SplitSync (--vtd-rules own)");
        text.ShouldContain("the most under SplitSync (--vtd-rules linux-6.12)");
        text.ShouldContain("neither measured nor time of this host");
        text.ShouldContain("A trace has no accesses");
    }

    [Fact]
    public void Rows_add_up_and_a_slower_memory_moves_less()
    {
        var rows = Rows("--iommu", "vtd-server,smmuv3,tegra210", "--costs", "vtd-public");
        rows.Select(row => (string)row["iommu"]!).Distinct().Count().ShouldBe(3);
        foreach (var row in rows)
        {
            ((double)row["reads_per_page"]!).ShouldBe((double)row["table_reads"]! / (double)row["pages"]!, 1e-4);
            ((long)row["accesses"]!).ShouldBeGreaterThan((long)row["pages"]!);
            ((long)row["faults"]!).ShouldBe(0);
            ((double)row["bound_gbps"]!).ShouldBeInRange(1, 100);
        }

        var slow = Rows("-p", "SplitSync", "--read-ns", "2000").Single();
        var overlapping = Rows("-p", "SplitSync", "--read-ns", "2000", "--outstanding", "64").Single();
        double reads = (double)slow["reads_per_page"]!;
        ((double)slow["bound_gbps"]!).ShouldBe(32768 / (65 + (reads * 2000)), 0.02);
        ((double)overlapping["bound_gbps"]!).ShouldBe(Math.Min(100, 32768 / (65 + (reads * 2000 / 64))), 0.02);
    }

    [Fact]
    public void Shards_put_together_are_the_whole()
    {
        string[] command = ["replay", Sample, "--device", "gpu", "-p", "PerPage,Gather,Deferred"];
        string whole = Succeed([.. command, "--json"]);
        for (int i = 1; i <= 2; i++)
        {
            Succeed([.. command, "--shard", $"{i}/2", "-o", In($"{i}")]);
        }

        Succeed("merge", In("1"), In("2"), "--json").ShouldBe(whole);
    }

    [Theory]
    [InlineData("there is no \"tape\"; choose from nic, nvme, gpu", "--device", "tape")]
    [InlineData("--series and --device exclude each other", "--device", "nic", "--series", "1s")]
    [InlineData("--read-ns: this is about a device", "--read-ns", "100")]
    [InlineData("--outstanding: 0 is not between 1 and 1024", "--device", "nic", "--outstanding", "0")]
    [InlineData("--flows: this is about a device", "--flows", "5")]
    [InlineData("--flows: this is in the place of a trace", "--device", "nic", "--flows", "5")]
    [InlineData("--flows: a gpu has no flows (--device nic has)", "--device", "gpu", "--flows", "5")]
    [InlineData("--flows: 0 is not between 1 and 1024", "--device", "nic", "--flows", "0")]
    [InlineData("--ring: this is about traffic that is made up; it goes with --flows", "--device", "nic", "--ring", "8")]
    [InlineData("--no-acks: this is about traffic that is made up; it goes with --flows", "--device", "nic", "--no-acks")]
    [InlineData("--ring: 100000 is not between 1 and 13107", "--device", "nic", "--flows", "5", "--ring", "100000")]
    [InlineData("--in-a-row: a ring of 256 pages is no multiple of 100", "--device", "nic", "--flows", "5", "--in-a-row", "100")]
    [InlineData("--per-interrupt: 3 packets are no multiple of the 2 pages", "--device", "nic", "--flows", "5", "--in-a-row", "2", "--per-interrupt", "3")]
    [InlineData("--per-interrupt: 300 is not between 1 and 256", "--device", "nic", "--flows", "5", "--per-interrupt", "300")]
    public void What_cannot_be_is_refused(string reason, params string[] options) => Refuse(["replay", Sample, .. options]).ShouldContain(reason);

    [Fact]
    public void Without_a_trace_and_without_flows_there_is_nothing_to_replay() => Refuse("replay").ShouldContain("name a trace");

    /// <summary>The rows of the comparison with "Fast and Safe" in docs/cost-model.md, by its commands.</summary>
    [Theory]
    [InlineData(1.64, 84.5, "--flows", "5", "--ring", "1024", "--per-interrupt", "32", "--vtd-rules", "linux-6.12")]
    [InlineData(4.13, 37.3, "--flows", "40", "--vtd-rules", "linux-6.12")]
    [InlineData(1.40, 96.2, "--flows", "40", "--vtd-rules", "linux-6.19")]
    [InlineData(1.05, 100, "--flows", "40", "--per-interrupt", "64", "--in-a-row", "64", "--vtd-rules", "linux-6.19")]
    public void The_comparison_with_a_measured_card_can_be_repeated(double reads, double gigabits, params string[] options)
    {
        string[] all = ["replay", "--device", "nic", "--iommu", "vtd-server", "-p", "SplitSync", .. options];
        var row = JsonNode.Parse(Succeed([.. all, "--json"]))!.AsArray().Single()!.AsObject();

        ((double)row["reads_per_page"]!).ShouldBe(reads, 0.005);
        ((double)row["bound_gbps"]!).ShouldBe(gigabits, 0.05);
        ((int)row["flows"]!).ShouldBe(int.Parse(options[1], System.Globalization.CultureInfo.InvariantCulture));
        ((string?)row["rules"]).ShouldBe(options[^1]);
        Succeed(all).ShouldContain($"behind a vtd-server, by the rules {options[^1]}, costs");
    }

    /// <summary>Whose rules a driver goes by is said of our own too.</summary>
    [Fact]
    public void Rules_have_a_name_also_if_nobody_chose_them()
    {
        ((string?)Rows("-p", "Gather", "--iommu", "vtd-server", "--vtd-rules", "own").Single()["rules"]).ShouldBe("own");
        Rows("-p", "Gather", "--iommu", "tegra210").Single()["rules"].ShouldBeNull();
        Succeed("replay", "--device", "nic", "--flows", "1", "-p", "Gather", "--iommu", "vtd-server").ShouldContain("by the rules own");
    }

    private static JsonObject[] Rows(params string[] options) =>
        [.. JsonNode.Parse(Succeed(["replay", Sample, "--device", "nic", .. options, "--json"]))!.AsArray().Select(row => row!.AsObject())];

    private string In(string name) => Path.Combine(_folder, name);
}
