using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>What <c>iommukit TRACE</c> prints.</summary>
public sealed class VerdictCommandTests
{
    private static string Vfio => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    private static string NoFlushes => RepositoryFiles.InRepository("samples", "nvme-ext4-lazy.trace.gz");

    [Fact]
    public void A_trace_alone_is_judged()
    {
        string alone = Command.Succeed(Vfio);

        alone.ShouldBe(Command.Succeed("verdict", Vfio));
        string[] labels = [.. alone.Split('\n').Select(line => line.Split(' ')[0]).Where(word => word.Length > 1 && word.All(letter => char.IsUpper(letter) || letter == '?'))];
        labels.ShouldBe(["FLUSHES", "WRONG?", "WASTE", "OPTIONS", "TRY", "MORE"]);
    }

    [Fact]
    public void It_fits_on_a_screen_of_80_columns()
    {
        foreach (string sample in Directory.EnumerateFiles(RepositoryFiles.InRepository("samples"), "*.trace.gz"))
        {
            string[] lines = Command.Succeed(sample).TrimEnd().Split('\n');
            lines.Length.ShouldBeLessThanOrEqualTo(36, sample);
            lines.ShouldAllBe(line => line.TrimEnd().Length <= 80, sample);
        }
    }

    [Fact]
    public void What_the_trace_says_is_said()
    {
        string text = Command.Succeed(Vfio);

        text.ShouldContain("samples/vfio-edu.trace.gz · VT-d, strict, caching mode off, domain 5 · 7.39 s on\n2 CPUs");
        text.ShouldContain("FLUSHES   1,581: 1,569 of pages, 12 of whole domains; 0.85 for every unmap");
        text.ShouldContain("at most 42.1 ms of the CPUs' 14.8 s (0.28 %), if none took longer than");
        text.ShouldContain("WRONG?    nothing missing, nothing late, no faults in the trace");
    }

    [Fact]
    public void What_the_trace_does_not_say_is_said_too()
    {
        string text = Command.Succeed(NoFlushes);

        text.ShouldContain("IOMMU of unknown kind, mode not in the trace");
        text.ShouldContain("FLUSHES   not in the trace: neither how many there were nor what they cost");
        text.ShouldContain("whether a flush is missing cannot be told");
        text.ShouldContain("record intel_iommu:qi_submit too");
        text.ShouldNotContain("WASTE");
        text.ShouldContain("not known");
    }

    [Fact]
    public void Json_has_the_documented_fields()
    {
        using var json = JsonDocument.Parse(Command.Succeed(Vfio, "--json"));
        var root = json.RootElement;
        root.GetProperty("flushes").GetInt64().ShouldBe(1581);
        root.GetProperty("flush_time").GetProperty("at_most_nanoseconds").GetInt64().ShouldBe(42_083_000);
        root.GetProperty("options").GetArrayLength().ShouldBe(4);
        string documented = File.ReadAllText(RepositoryFiles.InRepository("docs", "json.md"));
        var fields = root.EnumerateObject()
            .Concat(root.GetProperty("flush_time").EnumerateObject())
            .Concat(root.GetProperty("options")[0].EnumerateObject())
            .Concat(root.GetProperty("advice")[0].EnumerateObject());
        foreach (var field in fields)
        {
            documented.ShouldContain($"`{field.Name}`");
        }
    }

    [Fact]
    public void Several_traces_are_one_document()
    {
        using var json = JsonDocument.Parse(Command.Succeed(Vfio, NoFlushes, "--json"));

        json.RootElement.EnumerateArray().Select(verdict => verdict.GetProperty("file").GetString()).ShouldBe([Vfio, NoFlushes]);
    }

    [Fact]
    public void Csv_and_markdown_have_the_options()
    {
        Command.Succeed(Vfio, "--csv").Split('\n')[1].ShouldStartWith("recorded,1581,");
        Command.Succeed(Vfio, "--markdown").ShouldContain("**OPTIONS**");
    }

    [Theory]
    [InlineData("replya", "there is no command or file 'replya'; did you mean 'replay'?")]
    [InlineData("no-such-file.trace", "no-such-file.trace")]
    public void A_first_word_that_is_neither_command_nor_file_is_named(string word, string expected) =>
        Command.Refuse(word).ShouldContain(expected);

    [Fact]
    public void An_option_that_does_not_exist_gets_a_suggestion() =>
        Command.Refuse("verdict", Vfio, "--lenent").ShouldContain("did you mean '--lenient'?");

    [Fact]
    public void A_log_goes_with_one_trace() => Command.Refuse(Vfio, NoFlushes, "--log", "x").ShouldContain("--log goes with one trace");

    [Fact]
    public void Nothing_at_all_asks_for_help()
    {
        Command.Succeed().ShouldContain("verdict");
        Command.Succeed("help").ShouldBe(Command.Succeed("--help"));
        Command.Succeed("help", "audit").ShouldBe(Command.Succeed("audit", "--help"));
    }
}
