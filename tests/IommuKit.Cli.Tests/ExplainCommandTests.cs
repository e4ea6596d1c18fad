using System.Globalization;
using System.Text.Json.Nodes;

namespace IommuKit.Cli.Tests;

/// <summary>calibrate and explain, from the words to the files.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private const string Bad = "operation,size,policy,us\nmap,4M,Never,1\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Sample => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_left_of_a_trace_is_explained_if_asked()
    {
        string cut = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".gz");
        File.WriteAllBytes(cut, File.ReadAllBytes(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"))[..20_000]);
        try
        {
            Command.Refuse("explain", cut).ShouldContain("--lenient");
            Command.Succeed("explain", cut, "--lenient", "--costs", "tegra210-2015").ShouldContain("what could be read is below");
            Command.Refuse("explain", "--lenient").ShouldContain("--lenient: this is for a trace");
        }
        finally
        {
            File.Delete(cut);
        }
    }

    [Fact]
    public void Fitted_costs_are_taken_by_bench_and_replay_and_explain()
    {
        string text = Command.Succeed("calibrate", "--seed-table", "--costs-out", In("fitted.json"), "--resamples", "50");
        text.ShouldContain("They cannot tell apart: entry_stored, run_stored, line_cleaned, barrier, register_write, register_read.");
        text.ShouldContain("Without its size");
        Command.Succeed("bench", "-s", "4M", "-p", "Gather", "--costs", In("fitted.json")).ShouldContain("costs seed-table-fitted");
        Command.Succeed("replay", Sample, "-p", "Gather", "--costs", In("fitted.json")).ShouldContain("costs seed-table-fitted");
        Command.Succeed("explain", "--details", "-s", "128K", "--costs", In("fitted.json")).ShouldContain("there are no intervals");
        Command.Succeed("calibrate", "--seed-table", "--prior", In("fitted.json"), "--resamples", "20")
            .ShouldContain("priors from seed-table-fitted");
    }

    [Fact]
    public void Without_the_prior_intervals_are_wider_and_the_text_says_so()
    {
        string with = Command.Succeed("explain", "--details", "--seed-table", "-s", "4M", "--resamples", "100");
        string without = Command.Succeed("explain", "--details", "--seed-table", "-s", "4M", "--resamples", "100", "--no-prior");
        with.ShouldContain("These intervals rest on the prior of tegra210-2015: without it (--no-prior) they would add up to");
        without.ShouldContain("There is no prior: the intervals contain all costs that explain the times as well");
        WidthIn(without).ShouldBeGreaterThan(2 * WidthIn(with));

        static int WidthIn(string text) =>
            int.Parse(text[(text.IndexOf("add up to ") + 10)..].Split(' ')[0]);
    }

    [Fact]
    public void The_same_seed_gives_the_same_text_in_every_format()
    {
        foreach (string format in (string[])["--json", "--csv", "--markdown"])
        {
            string text = Command.Succeed("explain", "-s", "128K", "--resamples", "20", "--seed", "9", format);
            Command.Succeed("explain", "-s", "128K", "--resamples", "20", "--seed", "9", format).ShouldBe(text);
        }

        var json = JsonNode.Parse(Command.Succeed("explain", "-s", "128K", "--resamples", "20", "--json"))!;
        json["parts"]!.AsArray().Count.ShouldBe(2 * (4 + 5 + 2));
        json["conclusions"]!.AsArray().Count.ShouldBeGreaterThan(4);
        json["next_measurements"]!.AsArray().Count.ShouldBeGreaterThan(5);
    }

    /// <summary>Half of this trace is above what a Tegra can translate: what is concluded is about the other half, and says so.</summary>
    [Fact]
    public void What_of_a_trace_was_left_out_is_said()
    {
        string trace = In("server.trace");
        File.WriteAllLines(
            trace,
            Enumerable.Range(0, 8).SelectMany(i => (string[])
            [
                $"1.{i}: map: IOMMU: iova=0x{0x10000 + (i << 12):x} - 0x{0x11000 + (i << 12):x} paddr=0x{0x100000:x} size=4096",
                $"1.{i}: map: IOMMU: iova=0x{0xff_ffff_0000 + (i << 12):x} - 0x{0xff_ffff_1000 + (i << 12):x} paddr=0x{0x100000:x} size=4096",
            ]));
        string text = Command.Succeed("explain", trace, "--iommu", "tegra210", "--resamples", "20");
        text.ShouldContain("16 maps, 0 unmaps");
        text.ShouldContain("Explained are 50 % of its maps and unmaps.");
        text.ShouldContain("skipped: 8 events with IOVAs beyond what the IOMMU can translate, lines 2–16");
        var json = JsonNode.Parse(Command.Succeed("explain", trace, "--iommu", "tegra210", "--resamples", "20", "--json"))!;
        json["map_events"]!.GetValue<long>().ShouldBe(16);
        json["skipped"]!.GetValue<long>().ShouldBe(8);
        json["skipped_reasons"]![0]!["reason"]!.GetValue<string>().ShouldBe("beyond-aperture");
        JsonNode.Parse(Command.Succeed("explain", "-s", "128K", "--resamples", "20", "--json"))!["skipped"].ShouldBeNull();
    }

    /// <summary>Where the walker snoops, a barrier has no line to stand behind.</summary>
    [Theory]
    [InlineData("smmuv2")]
    [InlineData("smmuv2-nc")]
    [InlineData("smmuv2-s2")]
    [InlineData("smmuv1-v7s")]
    public void IOMMUs_with_costs_of_their_own_are_explained_with_them(string name)
    {
        string text = Command.Succeed("explain", "--details", "--iommu", name, "-s", "4K,128K");
        text.ShouldStartWith($"If this were a {name}: ");
        text.ShouldContain("Costs smmuv2-2024: ");
        text.ShouldContain("Robin Murphy asked in 2015");
    }

    [Fact]
    public void A_loss_is_called_a_loss_and_a_gain_that_may_be_none_is_not_split()
    {
        string loss = Command.Succeed("explain", "--details", "--from", "Gather", "--to", "PerPage", "-s", "128K", "--resamples", "20");
        loss.ShouldContain("tegra210: loss of PerPage against Gather");
        loss.ShouldContain("the policy explained is the slower one");
        loss.ShouldContain("\nPerPage is the slower one here. What its loss is due to:\n");
        loss.ShouldNotContain("Robin Murphy");
        loss.ShouldNotContain(" gain");
        string open = Command.Succeed("explain", "--from", "Gather", "--to", "Deferred", "-s", "4M", "--resamples", "20", "--no-prior", "--json");
        var json = JsonNode.Parse(open)!;
        json["conclusions"]!.AsArray()[0]!.GetValue<string>().ShouldContain("cannot be concluded which of the two policies is faster");
        json["next_measurements"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public void The_next_measurement_is_named_with_its_runner_up_and_a_warning()
    {
        string text = Command.Succeed("explain", "--details", "--seed-table", "-s", "4M", "--resamples", "50", "--markdown");
        text.ShouldContain("The next best: ");
        text.ShouldContain("Which one leads hangs on a threshold");
        text.ShouldContain("If the prior of tegra210-2015 is right, it can be concluded");
    }

    [Fact]
    public void A_trace_can_be_explained()
    {
        string text = Command.Succeed("explain", Sample, "--to", "Gather", "--resamples", "20");
        text.ShouldStartWith("If this were a vtd-server: ");
        text.ShouldContain("gain of Gather over PerPage");
        text.ShouldNotContain("Undirected");
        text.ShouldNotContain("modelled device");
    }

    /// <summary>
    /// Times that are exactly what some costs make of the bench: nothing is off in either direction, and nothing is called impossible.
    /// </summary>
    [Fact]
    public void A_table_that_fits_is_said_to_fit()
    {
        var rows = JsonNode.Parse(Command.Succeed("bench", "-s", "128K,4M,18M", "-p", "PerPage,RangeFlush", "--json"))!.AsArray();
        var times =
            from row in rows
            from noise in (double[])[0.999, 1.001]
            select string.Create(
                CultureInfo.InvariantCulture, $"{row!["op"]},{row["size_bytes"]},{row["policy"]},{(double)row["virtual_us"]! * noise}");
        File.WriteAllLines(In("times.csv"), ["operation,size,policy,us", .. times]);
        string text = Command.Succeed("calibrate", In("times.csv"), "--resamples", "50");
        text.ShouldContain(" 0 %");
        text.ShouldNotContain("-+");
        text.ShouldNotContain("no sum over calls and pages");
    }

    [Fact]
    public void What_cannot_be_used_is_refused_and_leaves_nothing_behind()
    {
        File.WriteAllText(In("bad.csv"), Bad);
        File.WriteAllText(In("bad.json"), "{\n\"name\":3}");
        Command.Refuse("calibrate", In("bad.csv"), "--costs-out", In("out.json"), "-o", In("out.txt"))
            .ShouldContain($"{In("bad.csv")}:2: policy is \"Never\"");
        Command.Refuse("explain", "--measurements", In("bad.csv"), "-o", In("out.txt")).ShouldContain($"{In("bad.csv")}:2:");
        Command.Refuse("explain", "--costs", In("bad.json"), "-o", In("out.txt")).ShouldContain($"{In("bad.json")}:2:");
        Command.Refuse("calibrate", "--seed-table", "--prior", In("none.json"), "--costs-out", In("out.json")).ShouldContain("there is no such file");
        Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order().ShouldBe(["bad.csv", "bad.json"]);
        Command.Refuse("calibrate", "--seed-table", "--costs-out", In("one.txt"), "-o", Path.Combine(In("."), "one.txt"))
            .ShouldContain("is the file of --costs-out too");
        File.Exists(In("one.txt")).ShouldBeFalse();
        Command.Refuse("calibrate", In("bad.csv"), "--costs-out", In("bad.csv"))
            .ShouldContain($"--costs-out {In("bad.csv")}: is a file that is read here");
        File.ReadAllText(In("bad.csv")).ShouldBe(Bad);
    }

    [Theory]
    [InlineData("there is nothing to fit to", "calibrate")]
    [InlineData("the times are in a file already", "calibrate", "x.csv", "--seed-table")]
    [InlineData("--prior and --no-prior exclude each other", "calibrate", "--seed-table", "--prior", "smmuv3-2021", "--no-prior")]
    [InlineData("--resamples: 19 is not between 20 and 100000", "calibrate", "--seed-table", "--resamples", "19")]
    [InlineData("--costs: this takes costs as they are", "explain", "--costs", "smmuv3-2021", "--no-prior")]
    [InlineData("against itself gains nothing", "explain", "--from", "Gather", "--to", "Gather")]
    [InlineData("--iommu: there is no \"vtd\"", "explain", "--iommu", "vtd")]
    [InlineData("--seed-table and --measurements exclude each other", "explain", "--seed-table", "--measurements", "x.csv")]
    [InlineData("a trace has sizes of its own", "explain", "x.trace", "--size", "4K")]
    public void Options_that_cannot_be_are_refused(string reason, params string[] args) => Command.Refuse(args).ShouldContain(reason);

    private string In(string name) => Path.Combine(_folder, name);
}
