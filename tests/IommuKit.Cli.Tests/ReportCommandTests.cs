using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace IommuKit.Cli.Tests;

/// <summary>report, without a browser: what is in the file.</summary>
public sealed class ReportCommandTests : IDisposable
{
    private static readonly string[] Quick = ["report", "-p", "PerPage,Gather", "--resamples", "20"];

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

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
    public void Its_times_are_those_of_bench_and_replay()
    {
        var report = XDocument.Parse(Command.Succeed([.. Quick, Sample]));
        var rows = JsonNode.Parse(Command.Succeed("bench", "--json", "-p", "PerPage,RangeFlush"))!.AsArray();
        var table = RowsOf(report, "Paper: mean of its samples");
        table.Count.ShouldBe(rows.Count);
        foreach (var row in rows)
        {
            string work = $"{(string)row!["op"]!} {SizeOf((ulong)row["size_bytes"]!)}";
            var cells = table.Single(cells => cells[0] == work && cells[1] == (string)row["policy"]!);
            double us = (double)row["virtual_us"]!;
            cells[3].ShouldBe(us.ToString(us < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture));
        }

        table.Single(cells => cells[0] == "map 4M" && cells[1] == "RangeFlush")[5].ShouldBe("997–2,389");

        string[] replays = Command.Succeed("replay", Sample, "--jsonl", "-p", "PerPage,Gather").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var totals = RowsOf(report, "All maps and unmaps together");
        totals.Count.ShouldBe(replays.Length);
        foreach (var (cells, json) in totals.Zip(replays.Select(line => JsonNode.Parse(line)!)))
        {
            cells[0].ShouldBe((string)json["policy"]!);
            cells[1].ShouldBe(((double)json["virtual_us"]! / 1000).ToString("#,0.0", CultureInfo.InvariantCulture));
            cells[2].ShouldBe(((long)json["register_writes"]!).ToString("#,0", CultureInfo.InvariantCulture));
        }

        // The fates of the unmaps are all of them.
        RowsOf(report, "What became of the unmaps")
            .Sum(cells => long.Parse(cells[1], NumberStyles.AllowThousands, CultureInfo.InvariantCulture))
            .ShouldBe(1856);
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

    /// <summary>The cells of the table whose caption starts so.</summary>
    private static List<string[]> RowsOf(XDocument page, string caption) =>
        [.. page.Descendants("table").Single(table => table.Element("caption")!.Value.StartsWith(caption, StringComparison.Ordinal))
            .Element("tbody")!.Elements("tr").Select(row => row.Elements().Select(cell => cell.Value).ToArray())];
}
