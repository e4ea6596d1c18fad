using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace IommuKit.Cli.Tests;

/// <summary>report, without a browser: what is in the file.</summary>
public sealed class ReportCommandTests : IDisposable
{
    private static readonly string[] Quick = ["report", "-p", "PerPage,Gather", "--resamples", "20"];

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private const string Small =
        """
         dd-1 [000] .... 1.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x80000000 size=4096
         dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096

        """;

    private static string Sample => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_is_one_file_that_needs_no_other_and_the_same_each_time()
    {
        string html = Command.Succeed([.. Quick, Sample]);
        Command.Succeed([.. Quick, Sample]).ShouldBe(html);
        html.ShouldStartWith("<!DOCTYPE html>");
        string[] loaders = ["src", "srcset", "style", "xlink:href", "data"];
        foreach (var element in XDocument.Parse(html).Descendants())
        {
            element.Name.LocalName.ShouldNotBeOneOf("script", "link", "img", "iframe", "object", "embed");
            foreach (var attribute in element.Attributes())
            {
                loaders.ShouldNotContain(attribute.Name.LocalName);
                attribute.Name.LocalName.ShouldNotStartWith("on");
                if (attribute.Name.LocalName == "href")
                {
                    attribute.Value.ShouldStartWith("#");
                }
            }
        }

        html.ShouldNotContain("url(");
        html.ShouldNotContain("@import");
    }

    [Fact]
    public void Its_times_are_those_of_bench_with_before_and_after_in_one_row()
    {
        var report = XDocument.Parse(Command.Succeed(Quick));
        var rows = JsonNode.Parse(Command.Succeed("bench", "--json", "-p", "PerPage,RangeFlush"))!.AsArray();
        var table = RowsOf(report, "Before: a flush for every page");
        table.Count.ShouldBe(rows.Count / 2);
        foreach (var row in rows)
        {
            string work = $"{(string)row!["op"]!} {SizeOf((ulong)row["size_bytes"]!)}";
            double us = (double)row["virtual_us"]!;
            table.Single(cells => cells[0] == work)[(string)row["policy"]! == "PerPage" ? 4 : 5]
                .ShouldBe(us.ToString(us < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture));
        }

        table.Single(cells => cells[0] == "map 4M")[10].ShouldBe("997–2,389");
        table.Single(cells => cells[0] == "unmap 4M")[1..4].ShouldBe(["3,894", "150", "25.9×"]);
        TileOf(report, "unmap of 4M").ShouldStartWith("25.9× faster");
        TileOf(report, "TLB maintenance").ShouldEndWith("register writes and read-backs.");
    }

    /// <summary>A trace of AMD-Vi is not shown on a Tegra of 2015, unless somebody wants that.</summary>
    [Fact]
    public void An_IOMMU_without_a_model_is_said_to_have_none()
    {
        string text = Command.Succeed([.. Quick, RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "amdvi", "trace.txt"), "--log",
            RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "amdvi", "dmesg.txt")]);
        text.ShouldContain("There is no model of AMD-Vi here.");
        text.ShouldNotContain("If this were a");
    }

    [Fact]
    public void Of_a_trace_it_tells_the_verdict_and_nothing_of_2015()
    {
        string html = Command.Succeed([.. Quick, Sample]);
        var report = XDocument.Parse(html);
        report.Descendants("h1").Single().Value.ShouldBe("vfio-edu.trace.gz");
        html.ShouldNotContain("2015</p>");
        html.ShouldNotContain("The table of 2015");
        var verdict = JsonNode.Parse(Command.Succeed("verdict", Sample, "--json"))!;
        long flushes = (long)verdict["flushes"]!;
        TileOf(report, "Time in flushes, if none took over 100 µs").ShouldContain(flushes.ToString("#,0", CultureInfo.InvariantCulture) + " flushes");
        TileOf(report, "Time in flushes, if none took over 100 µs").ShouldContain("45 of 1,579 gaps are longer; ");
        TileOf(report, "Wrong?").ShouldStartWith("Nothing");
        TileOf(report, "Need not have been").ShouldStartWith("66 %");

        var options = RowsOf(report, "Ways to flush");
        options.Select(cells => cells[0]).ShouldBe(["as recorded", "one for each range", "one for each burst", "lazy, as Linux does"]);
        options[0][1].ShouldBe(flushes.ToString("#,0", CultureInfo.InvariantCulture));
        var series = RowsOf(report, "Over the time of the trace");
        series.Sum(cells => long.Parse(cells[2], NumberStyles.AllowThousands, CultureInfo.InvariantCulture)).ShouldBe(1856);
        series.Sum(cells => long.Parse(cells[3], NumberStyles.AllowThousands, CultureInfo.InvariantCulture)).ShouldBeInRange(flushes - 2, flushes);

        string[] found = [.. report.Descendants("article").Select(finding => finding.Element("h3")!.Value)];
        found.ShouldBe(
        [
            "Waste Flushed one by one where one would do",
            "Waste Walk caches dropped for tables that stayed",
            "Waste More pages flushed than unmapped",
        ]);
        RowsOf(report, "Around line 138").Single(cells => cells[0] == "138")[4].ShouldStartWith("flush of domain 5: ");
    }

    [Fact]
    public void Where_no_flush_may_have_taken_longer_there_is_no_condition()
    {
        string file = Path.Combine(_folder, "short.txt");
        File.WriteAllText(
            file,
            $"""
            {Small.TrimEnd()}
             dd-1 [000] d... 1.000012: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
             dd-1 [000] .... 1.000020: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x80000000 size=4096

            """);
        string tile = TileOf(XDocument.Parse(Command.Succeed([.. Quick, file])), "Time in flushes");
        tile.ShouldContain("1 flush");
        tile.ShouldNotContain("If none took longer");
    }

    /// <summary>Of a trace the IOMMU that it was recorded on is checked.</summary>
    [Fact]
    public void It_checks_what_a_trace_was_recorded_on_and_says_what_it_cannot()
    {
        Command.Succeed([.. Quick, Sample, "--check"]).ShouldContain("vtd-server");
        Command.Refuse([.. Quick, Sample, "--check", "--iommu", "smmuv3-mmu600", "-o", Path.Combine(_folder, "none.html")])
            .ShouldContain("--check: nothing is known of smmuv3-mmu600 to check it by");
        File.Exists(Path.Combine(_folder, "none.html")).ShouldBeFalse();
    }

    [Fact]
    public void Bars_are_drawn_only_where_they_differ()
    {
        Command.Succeed(Quick).ShouldContain("Upright mark: the least");
        string same = Command.Succeed("report", "-p", "Gather", "--resamples", "20");
        same.ShouldNotContain("Upright mark: the least");
        same.ShouldContain("operations under every policy");
    }

    [Fact]
    public void Its_replays_are_those_of_replay()
    {
        var report = XDocument.Parse(Command.Succeed([.. Quick, Sample]));
        string[] replays = Command.Succeed("replay", Sample, "--jsonl", "-p", "PerPage,Gather").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var totals = RowsOf(report, "All maps and unmaps together");
        totals.Count.ShouldBe(replays.Length);
        int commands = HeadersOf(report, "All maps and unmaps together").IndexOf("Commands");
        foreach (var (cells, json) in totals.Zip(replays.Select(line => JsonNode.Parse(line)!)))
        {
            cells[0].ShouldBe((string)json["policy"]!);
            cells[1].ShouldBe(((double)json["virtual_us"]! / 1000).ToString("#,0.0", CultureInfo.InvariantCulture));
            cells[commands].ShouldBe(((long)json["operations"]!["command"]!).ToString("#,0", CultureInfo.InvariantCulture));
        }

        // The fates of the unmaps are all of them.
        RowsOf(report, "What became of the unmaps")
            .Sum(cells => long.Parse(cells[1], NumberStyles.AllowThousands, CultureInfo.InvariantCulture))
            .ShouldBe(1856);
    }

    [Fact]
    public void What_policies_leave_reachable_stands_beside_their_time()
    {
        var report = XDocument.Parse(Command.Succeed("report", Sample, "--vtd-rules", "own"));
        const string caption = "All maps and unmaps together";
        var headers = HeadersOf(report, caption);
        headers.Take(5).ShouldBe(["Policy", "Total ms", "Faster", "Left pages", "Left for"]);
        headers.ShouldNotContain("Reads");
        var totals = RowsOf(report, caption);
        totals.Select(cells => cells[0]).ShouldBe(["PerPage", "RangeFlush", "SplitSync", "Gather", "Deferred *", "Explicit *"]);
        totals.Select(cells => cells[3] == "–").ShouldBe([true, true, true, true, false, false]);
        report.Descendants("li").ShouldContain(item => item.Value.StartsWith("* promises less"));
    }

    [Fact]
    public void Files_of_the_same_name_are_told_apart()
    {
        string one = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "before")).FullName, "my.trace");
        string two = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "after")).FullName, "my.trace");
        File.WriteAllText(one, Small);
        File.WriteAllText(two, Small);

        var report = XDocument.Parse(Command.Succeed([.. Quick, one, two, one]));

        RowsOf(report, "The traces of this page").Select(cells => cells[0]).ShouldBe(["before/my.trace", "after/my.trace", "before/my.trace (2)"]);
        report.Descendants("h2").Select(heading => heading.Value).ShouldBe(["Side by side", "before/my.trace", "after/my.trace", "before/my.trace (2)"]);
        report.Descendants("h1").Single().Value.ShouldBe("3 traces, side by side");
    }

    [Fact]
    public void Without_flushes_it_says_what_is_not_known_and_draws_what_is()
    {
        string file = Path.Combine(_folder, "my.trace");
        File.WriteAllText(file, Small);

        var report = XDocument.Parse(Command.Succeed([.. Quick, file]));

        TileOf(report, "Time in flushes").ShouldStartWith("not recorded");
        TileOf(report, "Wrong?").ShouldStartWith("No fault seen");
        report.Descendants("article").ShouldBeEmpty();
        RowsOf(report, "Ways to flush").ShouldAllBe(cells => cells[2] == "not known");
    }

    [Fact]
    public void It_explains_the_faults_of_a_log_and_reads_what_is_left_of_a_file()
    {
        string Data(string file) => RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "vtd", file);
        var report = XDocument.Parse(Command.Succeed([.. Quick, Data("trace.txt"), "--log", Data("dmesg.txt")]));
        report.Descendants("article").Select(finding => finding.Element("h3")!.Value)
            .ShouldContain(title => title.StartsWith("Fault 00:", StringComparison.Ordinal));
        TileOf(report, "Wrong?").ShouldContain("fault");

        string cut = Path.Combine(_folder, "cut.gz");
        File.WriteAllBytes(cut, File.ReadAllBytes(Sample)[..20_000]);
        Command.Succeed([.. Quick, cut, "--lenient"]).ShouldContain("what comes before is on this page");

        Command.Refuse([.. Quick, "--log", Data("dmesg.txt")]).ShouldContain("--log: this is for a report about a trace");
        Command.Refuse([.. Quick, "--lenient"]).ShouldContain("--lenient: this is for a report about a trace");
        Command.Refuse([.. Quick, Sample, Sample, "--log", Data("dmesg.txt")]).ShouldContain("--log goes with one trace");
    }

    [Fact]
    public void The_day_in_the_head_of_a_compressed_file_is_told()
    {
        byte[] packed = File.ReadAllBytes(Sample);
        packed.AsSpan(4, 4).Clear();
        string file = Path.Combine(_folder, "x.gz");
        File.WriteAllBytes(file, packed);
        Command.Succeed([.. Quick, file]).ShouldNotContain("packed");

        BitConverter.TryWriteBytes(packed.AsSpan(4, 4), 1_772_368_496).ShouldBeTrue();
        File.WriteAllBytes(file, packed);
        Command.Succeed([.. Quick, file]).ShouldContain("packed 1 March 2026");
    }

    [Fact]
    public void It_takes_costs_and_says_how_well_they_are_known()
    {
        string given = Command.Succeed([.. Quick[..3], "--costs", "smmuv2-noncoherent-2024"]);
        given.ShouldContain("smmuv2-noncoherent-2024");
        given.ShouldContain("there are no intervals");
        given.ShouldNotContain("class=\"band\"");
        Command.Succeed(Quick).ShouldContain("class=\"band\"");
        Command.Succeed([.. Quick, "--no-prior"]).ShouldContain("There is no prior");
    }

    [Fact]
    public void Another_iommu_has_no_paper_to_be_compared_with()
    {
        string html = Command.Succeed([.. Quick, "--iommu", "tegra30"]);
        html.ShouldContain("It did not measure tegra30");
        html.ShouldNotContain("class=\"sample\"");
    }

    [Fact]
    public void It_checks_if_it_is_asked_to()
    {
        Command.Succeed(Quick).ShouldNotContain("No flush is missing");
        string html = Command.Succeed("report", "-p", "Gather", "--resamples", "20", "--check");
        html.ShouldContain("No flush is missing in the driver of tegra210");
        RowsOf(XDocument.Parse(html), "Bugs that were planted").ShouldAllBe(cells => cells[1] == "yes");
        RowsOf(XDocument.Parse(html), "Configurations:").ShouldAllBe(cells => cells[2] == "nothing missing");
    }

    [Theory]
    [InlineData("report -", "-: can be read only once")]
    [InlineData("report --title=", "--title")]
    [InlineData("report --iommu vax", "there is no \"vax\"")]
    [InlineData("report /nowhere.trace", "/nowhere.trace: there is no such file")]
    [InlineData("report --costs tegra210-2015 --no-prior", "it does not go together with --no-prior")]
    [InlineData("report --measurements a.csv --seed-table", "exclude each other")]
    public void Bad_use_is_one_clear_line(string line, string reason) => Command.Refuse(line.Split(' ')).ShouldContain(reason);

    [Fact]
    public void Nothing_is_written_to_a_terminal_nor_half_to_a_file()
    {
        var (code, output, error) = Command.Run(80, ["report"]);
        code.ShouldBe(2);
        output.ShouldBeEmpty();
        error.ShouldContain("name a file with --output");

        string file = Path.Combine(_folder, "report.html");
        string broken = Path.Combine(_folder, "broken.gz");
        File.WriteAllBytes(broken, File.ReadAllBytes(Sample)[..20_000]);
        Command.Refuse([.. Quick, broken, "-o", file]).ShouldContain("broken.gz");
        Directory.GetFiles(_folder).ShouldBe([broken]);
        Command.Refuse([.. Quick, Sample, "-o", Sample]).ShouldContain("is a file that is read here");
    }

    private static string SizeOf(ulong bytes) => bytes < 1 << 20 ? $"{bytes >> 10}K" : $"{bytes >> 20}M";

    /// <summary>What the tile of that name says.</summary>
    private static string TileOf(XDocument page, string label) => string.Concat(
        page.Descendants("li").Single(item => item.Element("span")?.Value == label && item.Element("strong") is not null).Elements().Skip(1)
            .Select(part => part.Value));

    /// <summary>The cells of the table whose caption starts so.</summary>
    private static List<string[]> RowsOf(XDocument page, string caption) =>
        [.. TableOf(page, caption).Element("tbody")!.Elements("tr").Select(row => row.Elements().Select(cell => cell.Value).ToArray())];

    private static List<string> HeadersOf(XDocument page, string caption) => [.. TableOf(page, caption).Descendants("th").Where(cell => (string?)cell.Attribute("scope") == "col").Select(cell => cell.Value)];

    private static XElement TableOf(XDocument page, string caption) =>
        page.Descendants("table").Single(table => table.Element("caption")!.Value.StartsWith(caption, StringComparison.Ordinal));
}
