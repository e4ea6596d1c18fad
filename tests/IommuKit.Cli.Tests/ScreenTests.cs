using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;

namespace IommuKit.Cli.Tests;

/// <summary>What narrow screens show: the answer first, what tells rows apart before what does not, and nothing about what is not there.</summary>
public partial class ScreenTests
{
    private static readonly string Sample = RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");
    private static readonly string Lazy = RepositoryFiles.InRepository("samples", "nvme-ext4-lazy.trace.gz");

    private static readonly string[][] Commands =
    [
        ["bench"],
        ["bench", "-p", "Gather"],
        ["bench", "--host-time", "-s", "128K", "-p", "Gather"],
        ["calibrate", "--seed-table", "--resamples", "20"],
        ["calibrate", Sample, "--resamples", "20"],
        ["check", "--iommu", "tegra210", "--policy", "gather", "--release", "never", "--depth", "1", "--time", "0"],
        ["explain", "-s", "128K", "--resamples", "20", "--details"],
        ["replay", Sample],
        ["replay", Sample, "--what-if"],
        ["replay", Sample, "--by-size", "-p", "Gather"],
        ["replay", Sample, "--device", "nvme", "--what-if", "--vtd-rules", "own,linux-6.12"],
        ["replay", Sample, "--series", "100ms", "-p", "Gather"],
    ];

    public static IEnumerable<object[]> Cases =>
        from width in (int[])[40, 60, 80]
        from command in Enumerable.Range(0, Commands.Length)
        select new object[] { width, command };

    /// <summary>Lines below the tables begin with the headers that they explain.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_explains_a_column_that_is_left_out(int width, int command)
    {
        string output = Command.Run(width, Commands[command]).Output;
        string text = Unwrapped(output);
        string leftOut = LeftOut().Match(text).Groups["columns"].Value;
        (width > 40 || leftOut.Length != 0).ShouldBeTrue();
        string notes = text[(text.IndexOf("have all that was counted and measured") + 1)..];
        string[] shown = [.. output.Split('\n').Where(line => line.StartsWith("  "))];
        foreach (string header in InRows().Replace(leftOut, string.Empty).Split(", "))
        {
            if (!Array.Exists(shown, line => line.Contains($"  {header} ")))
            {
                notes.ShouldNotContain($". {header}: ");
                notes.ShouldNotContain($"; {header}: ");
            }
        }
    }

    [Fact]
    public void A_column_that_is_the_same_in_every_row_goes_before_what_tells_rows_apart()
    {
        var table = new ColumnTable("Title", isMarkdown: false);
        table.AddColumn("IOMMU", isNumber: false);
        table.AddColumn("Policy", isNumber: false);
        table.AddColumn("Skipped", 1);
        table.AddColumn("Matters", 9);
        table.AddRow("tegra210", "Gather", "176", "5");
        table.AddRow("tegra210", "PerPage", "176", "6");
        Write(table, 30).ShouldBe(["IOMMU (tegra210 in each row)", "Skipped (176 in each row)"], ignoreOrder: true);
        Write(table, 36).ShouldBe(["Skipped (176 in each row)"]);
        Write(table, 200).ShouldBeEmpty();
    }

    /// <summary>Where even what must be there is too wide, the last numbers go, and names and the first number are written whole.</summary>
    [Fact]
    public void Names_and_numbers_are_never_broken()
    {
        var table = new ColumnTable("Title", isMarkdown: false);
        table.AddColumn("Policy", isNumber: false);
        table.AddColumn("Mean µs");
        table.AddColumn("Fit µs");
        table.AddRow("RangeFlush, SplitSync", "18,624", "20,508");
        table.AddRow("PerPage", "1", "2");
        Write(table, 35).ShouldBe(["Fit µs"]);
        Write(table, 20, out string text).ShouldBe(["Fit µs"]);
        text.ShouldMatch("\n  RangeFlush, SplitSync +18,624 +\n");
    }

    [Theory]
    [InlineData(60)]
    [InlineData(40)]
    public void Measured_times_are_whole_at_any_width(int width)
    {
        string[] command = ["calibrate", "--seed-table", "--resamples", "20"];
        string text = Command.Run(width, command).Output;
        text.ShouldContain("unmap   18M    RangeFlush");
        text.ShouldMatch(@"PerPage +18,624 ");
        Unwrapped(text).ShouldMatch("Left out, as the terminal is narrow: .*Without its size");
        text.ShouldNotContain("prediction");
        Command.Succeed(command).ShouldContain("Without its size: what costs fitted to the other sizes predict");
    }

    [Fact]
    public void What_if_answers_first_and_keeps_what_tells_cases_apart()
    {
        string[] command = ["replay", Sample, "--what-if", "--iommu", "tegra210"];
        var records = Command.Succeed([.. command, "--jsonl"]).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!).ToList();
        var best = records.Single(record => (bool)record["is_best"]!);
        string answer = FormattableString.Invariant(
            $"Best that leaves nothing reachable: {(string)best["policy"]!}, {(double)best["virtual_us"]! / 1000:0.0} ms ({(double)best["time_ratio"]!:0.0 %} of PerPage).");
        foreach (string text in new[] { Command.Run(80, command).Output, Command.Succeed(command) })
        {
            Unwrapped(text).ShouldStartWith(answer + " ");
            string header = text.Split('\n').First(line => line.Contains("Total ms"));
            header.ShouldMatch("Best +Policy +Total ms +Time +Left pages +Left for ");
            header.ShouldNotContain("IOMMU");
            header.ShouldNotContain("Options");
            text.ShouldMatch(@"\n  best +Gather +47\.8 ");
        }

        Command.Run(80, ["replay", Sample, "--what-if", "-p", "Deferred,Explicit"]).Output
            .ShouldStartWith("None of these leaves nothing reachable. The fastest: Deferred *, ");
        Command.Succeed("replay", Sample, "--what-if", "--iommu", "tegra124,tegra210", "-p", "PerPage,Gather").ShouldMatch(
            @"^Best that leaves nothing reachable: Gather on tegra(124|210), [0-9.]+ ms \([0-9.]+ % of PerPage on tegra124\)\.");
        Command.Succeed("replay", Sample, "--what-if", "--flush-all", "64", "-p", "PerPage,Gather").ShouldContain("; tuned with --flush-all 64");
        string several = Command.Succeed("replay", Sample, Lazy, "--what-if", "-p", "PerPage,Gather");
        several.ShouldStartWith("samples/vfio-edu.trace.gz: Best that leaves nothing reachable: Gather, ");
        several.ShouldContain("\nsamples/nvme-ext4-lazy.trace.gz: Best that leaves nothing reachable: Gather, ");
    }

    /// <summary>On 80 columns names that take too much room stand below their policies: what a case saves never stands without what it leaves.</summary>
    [Fact]
    public void What_if_tells_what_stays_reachable_on_a_narrow_screen_too()
    {
        string[] command = ["replay", Lazy, "--what-if", "--iommu", "tegra210,vtd-server", "--flush-all", "0,64", "-p", "Explicit,Gather"];
        string narrow = Command.Run(80, command).Output;
        narrow.Split('\n').ShouldAllBe(line => line.Length <= 80);
        narrow.ShouldMatch("Best +Policy +Total ms .*Left pages +Left for ");
        narrow.ShouldMatch(@"\n +Explicit \* +[0-9.]+ .* 1,920 +3\.9 s *\n +tegra210 --flush-all 64 *\n");
        narrow.ShouldMatch(@"\n  best +Gather +[0-9.]+ .* – +– *\n +vtd-server --flush-all 64 *\n");
        Command.Succeed(command).ShouldMatch("Best +IOMMU +Policy +Options +Total ms +Time +Left pages +Left for ");
    }

    [Fact]
    public void A_value_that_was_asked_for_is_named_also_where_it_is_0()
    {
        string text = Command.Succeed("replay", Lazy, "--what-if", "--flush-all", "0,64,512");
        text.ShouldMatch(@"\n +Explicit \* +--flush-all 0 ");
        text.ShouldMatch(@"\n +Explicit \* +--flush-all 64 ");
        text.ShouldMatch(@"\n +Deferred \* +--flush-all 0 or 512 ");
        text.ShouldContain(" of PerPage with --flush-all 0)");
        text.Split('\n').Where(line => line.Contains("Explicit *  ")).ShouldAllBe(line => !line.Contains("  –  "));
    }

    [Fact]
    public void A_cost_has_its_unit_and_a_median_its_name_at_every_width()
    {
        foreach (string text in new[] { Command.Run(80, ["audit", Sample]).Output, Command.Succeed("audit", Sample) })
        {
            Unwrapped(text).ShouldMatch(@"range-rounded-up: .* Cost: [0-9,]+ pages that stayed mapped, at most\.");
            Unwrapped(text).ShouldMatch(@"window from unmap to invalidation: median 1 \(p99 [0-9]+, max [0-9]+\) events; median ");
            text.ShouldNotContain("Unit of cost");
        }
    }

    [Fact]
    public void A_line_of_a_cache_is_in_bytes() => Command.Succeed("models").ShouldMatch("line of the table cache +(16|32|64) bytes");

    [Fact]
    public void Explain_says_the_factor_and_what_its_numbers_rest_on()
    {
        string text = Command.Succeed("explain", "--details", Lazy, "--resamples", "20");
        string first = text.Split('\n')[0];
        var record = JsonNode.Parse(Command.Succeed("explain", Lazy, "--resamples", "20", "--json"))!["parts"]![0]!;
        first.ShouldEndWith(FormattableString.Invariant($" ({(double)record["from_us"]! / (double)record["to_us"]!:0.0}× faster)"));
        text.ShouldContain("From the proposal's timings of 2015 alone: TLB maintenance");
        text.ShouldContain("within 25 percentage points");
        text.ShouldNotMatch("[0-9] points");
        Command.Succeed("explain", "--from", "Gather", "--to", "PerPage", "-s", "128K", "--resamples", "20").Split('\n')[0].ShouldEndWith("× slower)");
    }

    [Fact]
    public void A_report_names_whose_a_value_is_and_has_no_empty_columns()
    {
        var report = XDocument.Parse(Command.Succeed("report", "-p", "PerPage,Gather", "--resamples", "20"));
        string[] titles = [.. report.Descendants().Where(element => element.Name.LocalName == "title").Select(element => element.Value)];
        titles.Where(title => title.StartsWith("sample: ")).ShouldAllBe(title => title.EndsWith(" µs (the paper's, measured)"));
        titles.ShouldContain("sample: 3,829 µs (the paper's, measured)");
        titles.Where(title => title.StartsWith("model, ")).ShouldAllBe(title => title.EndsWith(" µs of virtual time"));
        AllColumns(report).ShouldAllBe(column => column.Any(cell => cell != "–"));
        foreach (string name in (string[])["perf-nvme-lazy", "e1000e-counter-lazy-qi"])
        {
            string html = Command.Succeed("report", "-p", "PerPage,Gather", "--resamples", "20", RepositoryFiles.InRepository("samples", $"{name}.trace.gz"));
            html.ShouldNotContain("not known saved");
            AllColumns(XDocument.Parse(html)).ShouldAllBe(column => column.Any(cell => cell != "–"));
        }
    }

    private static IEnumerable<string[]> AllColumns(XDocument report) =>
        from table in report.Descendants().Where(element => element.Name.LocalName == "table")
        let rows = table.Descendants().Where(element => element.Name.LocalName == "tbody").Elements()
            .Select(row => row.Elements().Select(cell => cell.Value).ToArray()).ToList()
        where rows.Count != 0
        from column in Enumerable.Range(0, rows[0].Length)
        select rows.Select(row => row[column]).ToArray();

    private static IReadOnlyList<string> Write(ColumnTable table, int width) => Write(table, width, out _);

    private static IReadOnlyList<string> Write(ColumnTable table, int width, out string text)
    {
        using var writer = new StringWriter();
        var console = new CommandContext(writer, writer, isInteractive: false, new TerminalSize(width), Surroundings.None)
            .ConsoleFor(writer, isMarkdown: false);
        var leftOut = table.Write(console);
        console.Profile.Width.ShouldBe(width);
        text = writer.ToString();
        return leftOut;
    }

    private static string Unwrapped(string text) => Blanks().Replace(text, " ");

    [GeneratedRegex(@"\s+", RegexOptions.None, 1000)]
    private static partial Regex Blanks();

    [GeneratedRegex("Left out, as the terminal is narrow: (?<columns>.*?)\\. --csv", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LeftOut();

    [GeneratedRegex(@" \([^)]* in each row\)", RegexOptions.None, 1000)]
    private static partial Regex InRows();
}
