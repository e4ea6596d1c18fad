using System.Text.Json;
using IommuKit.Cli.Invocation;

namespace IommuKit.Cli.Tests;

/// <summary>How the command behaves whatever it is asked: what it says about options, where and how wide it writes.</summary>
public sealed class MannersTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Sample => RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("--flush-all", "0,64")]
    [InlineData("--tlb-step", "16K,32K")]
    [InlineData("--section-threshold", "1,2")]
    public void Several_values_of_an_option_that_takes_one_name_what_takes_several(string option, string values)
    {
        Command.Refuse("replay", Sample, option, values).ShouldContain($"{option}: \"{values}\" is several values");
        Command.Refuse("bench", option, values).ShouldContain("--what-if");
    }

    [Fact]
    public void Columns_of_the_environment_count_where_no_terminal_knows_its_own()
    {
        string[] bench = ["bench", "-s", "4M"];
        string wide = Command.Succeed(bench);
        string narrow = Command.Run(80, bench).Output;
        narrow.ShouldNotBe(wide);
        var columns = new Dictionary<string, string> { ["COLUMNS"] = "80" };
        Command.RunIn(null, columns, bench).ShouldBe(narrow);
        Command.RunIn(0, new() { ["COLUMNS"] = "4000" }, bench).ShouldBe(wide);

        // A terminal that knows its width is right.
        Command.RunIn(4000, columns, bench).ShouldBe(wide);

        // What is for another program does not depend on it, nor does a file.
        Command.RunIn(null, columns, [.. bench, "--markdown"]).ShouldBe(Command.Succeed([.. bench, "--markdown"]));
        Command.RunIn(null, columns, [.. bench, "-o", In("file.txt")]).ShouldBeEmpty();
        File.ReadAllText(In("file.txt")).ShouldBe(wide);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("19")]
    [InlineData("-80")]
    [InlineData("80 ")]
    [InlineData("99999999999")]
    public void Columns_that_cannot_be_are_ignored(string columns) =>
        Surroundings.Of(name => name == "COLUMNS" ? columns : null).ShouldBe(Surroundings.None);

    [Theory]
    [InlineData("1", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Colour_is_left_out_where_the_environment_says_so(string? value, bool isPlain) =>
        Surroundings.Of(name => name == "NO_COLOR" ? value : null).IsPlain.ShouldBe(isPlain);

    [Fact]
    public void Columns_that_say_nothing_go_first()
    {
        var table = new Output.ColumnTable("Title", isMarkdown: false);
        table.AddColumn("Policy", isNumber: false);
        table.AddColumn("Matters", 2);
        table.AddColumn("Nothing", 1);
        table.AddColumn("Less", 3);
        table.AddRow("Gather", "17", "0", "5");
        table.AddRow("PerPage", "0", "0", "6");
        using var text = new StringWriter();
        var console = new CommandContext(text, text, isInteractive: false, new TerminalSize(34), Surroundings.None).ConsoleFor(text, isMarkdown: false);
        table.Write(console).ShouldBe(["Nothing"]);
        console.Profile.Width = 21;
        table.Write(console).ShouldBe(["Nothing", "Less"], ignoreOrder: true);
    }

    [Fact]
    public void A_file_that_was_written_is_announced()
    {
        var (code, output, error) = Command.Run("models", "--csv", "-o", In("models.txt"));
        code.ShouldBe(0);
        output.ShouldBeEmpty();
        error.ShouldBe($"iommukit: wrote {In("models.txt")}{Environment.NewLine}");
        Command.Run("calibrate", "--seed-table", "--resamples", "20", "--costs-out", In("costs.json")).Error
            .ShouldBe($"iommukit: wrote {In("costs.json")}{Environment.NewLine}");

        // Nothing was written into a file here.
        Command.Run("models", "-o", "/dev/null").Error.ShouldBeEmpty();
        Command.Run("bench", "--size", "0", "-o", In("none.txt")).Error.ShouldNotContain("wrote");
    }

    [Fact]
    public void The_name_of_a_file_says_how_it_is_written_unless_an_option_does()
    {
        foreach (var (extension, option) in (ReadOnlySpan<(string, string)>)
            [(".json", "--json"), (".JSON", "--json"), (".jsonl", "--jsonl"), (".csv", "--csv"), (".md", "--markdown")])
        {
            Command.Succeed("models", "-o", In($"models{extension}"));
            File.ReadAllText(In($"models{extension}")).ShouldBe(Command.Succeed("models", option));
        }

        Command.Succeed("models", "--csv", "-o", In("models.json"));
        File.ReadAllText(In("models.json")).ShouldBe(Command.Succeed("models", "--csv"));
        Command.Succeed("models", "-o", In("models.text"));
        File.ReadAllText(In("models.text")).ShouldBe(Command.Succeed("models"));
    }

    public static TheoryData<string[]> JsonCommands => new(
        ["models"],
        ["bench", "-s", "128K"],
        ["replay", Sample],
        ["replay", Sample, "--by-size", "-p", "Gather"],
        ["replay", Sample, "--series", "1s", "-p", "Gather"],
        ["replay", Sample, "--what-if", "-p", "Gather,PerPage"],
        ["audit", Sample],
        ["verdict", Sample],
        ["dump", "-f", "tegra", "-m", "0:0:4K"],
        ["explain", "--resamples", "20", "-s", "128K"]);

    [Theory]
    [MemberData(nameof(JsonCommands))]
    public void Json_is_one_document_and_lines_are_asked_for(string[] command)
    {
        using var whole = JsonDocument.Parse(Command.Succeed([.. command, "--json"]));
        string[] lines = Command.Succeed([.. command, "--jsonl"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        bool isArray = whole.RootElement.ValueKind == JsonValueKind.Array;
        lines.Length.ShouldBe(isArray ? whole.RootElement.GetArrayLength() : 1);
        for (int line = 0; line < lines.Length; line++)
        {
            using var one = JsonDocument.Parse(lines[line]);
            JsonElement.DeepEquals(one.RootElement, isArray ? whole.RootElement[line] : whole.RootElement).ShouldBeTrue(lines[line]);
        }
    }

    [Fact]
    public void Audit_takes_several_files()
    {
        string[] files = [.. new[] { "vfio-edu", "e1000e-counter-lazy-qi" }.Select(name => RepositoryFiles.InRepository("samples", $"{name}.trace.gz"))];
        using var json = JsonDocument.Parse(Command.Succeed(["audit", .. files, "--json"]));
        json.RootElement.EnumerateArray().Select(audit => audit.GetProperty("file").GetString()).ShouldBe(files);
        using var one = JsonDocument.Parse(Command.Succeed("audit", files[1], "--json"));
        JsonElement.DeepEquals(json.RootElement[1], one.RootElement).ShouldBeTrue();
        string[] rows = Command.Succeed(["audit", .. files, "--csv"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        rows[0].ShouldBe("file," + Command.Succeed("audit", files[0], "--csv").Split('\n')[0].TrimEnd());
        rows.Length.ShouldBe(1 + json.RootElement.EnumerateArray().Sum(audit => audit.GetProperty("findings").GetArrayLength()));
        Command.Succeed(["audit", .. files]).ShouldBe(Command.Succeed("audit", files[0]) + Environment.NewLine + Command.Succeed("audit", files[1]));
        Command.Refuse(["audit", .. files, "--log", files[0]]).ShouldContain("--log goes with one trace");
        Command.Refuse("audit", "-", "-").ShouldContain("the standard input can be read only once");
    }

    [Fact]
    public void Audit_says_of_which_IOMMUs_flushes_can_be_recorded() =>
        Command.Succeed("audit", Sample).ShouldContain("AMD-Vi, SMMUv2, SMMUv3, virtio-iommu and Tegra's there is nothing more to record");

    [Fact]
    public void Shells_can_ask_what_a_line_may_go_on_with()
    {
        Command.Succeed("[suggest:2]", "ca").ShouldContain("calibrate");
        string options = Command.Succeed("[suggest:9]", "audit --l");
        options.ShouldContain("--log");
        options.ShouldContain("--lenient");
        options.ShouldNotContain("--json");
    }

    [Fact]
    public void Complaints_that_nobody_can_take_change_no_exit_code()
    {
        using var output = new StringWriter();
        using var error = new FullWriter();

        CommandLine.Run(["replay", In("nowhere")], output, error, isInteractive: false).ShouldBe(2);
        CommandLine.Run(["replay", "--nothing"], output, error, isInteractive: false).ShouldBe(2);
        CommandLine.Run(["models", "-o", In("models.csv")], output, error, isInteractive: false).ShouldBe(0);

        error.Tries.ShouldBe(3);
        File.ReadAllText(In("models.csv")).ShouldNotBeEmpty();
    }

    private string In(string name) => Path.Combine(_folder, name);

    private sealed class FullWriter : StringWriter
    {
        public int Tries { get; private set; }

        public override void WriteLine(string? value)
        {
            Tries++;
            throw new IOException("No space left on device");
        }
    }
}
