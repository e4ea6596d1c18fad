using System.Globalization;
using System.Text;
using System.Text.Json;
using IommuKit.Cli.Invocation;

namespace IommuKit.Cli.Tests;

/// <summary>What <c>iommukit TRACE</c> prints.</summary>
public sealed class VerdictCommandTests
{
    private static string Vfio => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    private static string FaultData(string file) => RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "vtd", file);

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
    public void The_readme_shows_what_it_prints()
    {
        string shown = string.Join('\n', Command.Succeed(Vfio).TrimEnd().Split('\n').Select(line => $"    {line}".TrimEnd()));
        File.ReadAllText(RepositoryFiles.InRepository("README.md")).ShouldContain(shown);
    }

    [Fact]
    public void Options_may_stand_before_the_trace()
    {
        Command.Succeed("--json", Vfio).ShouldBe(Command.Succeed(Vfio, "--json"));
        Command.Succeed("--log", FaultData("dmesg.txt"), FaultData("trace.txt"))
            .ShouldBe(Command.Succeed("verdict", FaultData("trace.txt"), "--log", FaultData("dmesg.txt")));
    }

    [Fact]
    public void A_kernel_log_alone_is_decoded_and_one_in_place_of_a_trace_is_named()
    {
        Command.Succeed("--log", FaultData("dmesg.txt")).ShouldBe(Command.Succeed("audit", "--log", FaultData("dmesg.txt")));
        Command.Refuse(FaultData("dmesg.txt")).ShouldContain("is a kernel log, not a trace; give it with --log");
    }

    [Fact]
    public void What_is_above_the_cut_off_is_no_number()
    {
        using var json = JsonDocument.Parse(Command.Succeed(FaultData("trace.txt"), "--json"));
        var time = json.RootElement.GetProperty("flush_time");

        // More than one gap in a hundred is longer.
        time.GetProperty("gaps_above_cut_off").GetInt64().ShouldBeGreaterThan(time.GetProperty("gaps").GetInt64() / 100);
        time.GetProperty("p99_nanoseconds").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    /// <summary>What the screen says of messages that are missing, and of a log that is of another run, programs are told too.</summary>
    [Fact]
    public void Programs_are_told_what_the_kernel_did_not_print_and_which_log_was_left_out()
    {
        using var own = JsonDocument.Parse(Command.Succeed(FaultData("trace.txt"), "--log", FaultData("dmesg.txt"), "--json"));
        own.RootElement.GetProperty("log_faults_left_out").GetInt64().ShouldBe(0);
        string[] screen = Command.Succeed(FaultData("trace.txt"), "--log", FaultData("dmesg.txt")).Split('\n');
        bool isMissing = screen.Any(line => line.Contains("did not print", StringComparison.Ordinal));
        (own.RootElement.GetProperty("fault_calls_not_printed").GetInt64() > 0).ShouldBe(isMissing);
        string other = RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "amdvi", "dmesg.txt");
        using var wrong = JsonDocument.Parse(Command.Succeed(FaultData("trace.txt"), "--log", other, "--json"));
        wrong.RootElement.GetProperty("log_faults_left_out").GetInt64().ShouldBeGreaterThan(0);
    }

    /// <summary>A long idle time does not hide what flushes take while there is work.</summary>
    [Fact]
    public void The_busiest_second_counts()
    {
        var text = new StringBuilder();
        text.AppendLine("            one-1       [000] .....     1.000000: map: IOMMU: iova=0x00000000f0000000 - 0x00000000f0001000 paddr=0x1000 size=4096");
        for (int i = 0; i < 20_000; i++)
        {
            double at = 200 + (i * 50e-6);
            string time = at.ToString("0.000000", CultureInfo.InvariantCulture);
            string page = $"0x{0x1000_0000 + ((i & 0xff) << 12):x}";
            string end = $"0x{0x1000_1000 + ((i & 0xff) << 12):x}";
            text.AppendLine($"            one-1       [000] .....    {time}: map: IOMMU: iova={page} - {end} paddr=0x1000 size=4096");
            text.AppendLine($"            one-1       [000] .....    {time}: unmap: IOMMU: iova={page} - {end} size=4096 unmapped_size=4096");
            text.AppendLine($"            one-1       [000] .....    {time}: qi_submit: iotlb_inv dmar0: 0x500f2 {page} 0x0 0x0");
        }

        string path = Path.GetTempFileName();
        using var json = JsonDocument.Parse(Read("--json"));
        double whole = json.RootElement.GetProperty("flush_time").GetProperty("share_of_processors").GetDouble();
        double busiest = json.RootElement.GetProperty("flush_time").GetProperty("busiest_share_of_processors").GetDouble();
        whole.ShouldBeLessThan(0.01);
        busiest.ShouldBeGreaterThan(50 * whole);
        json.RootElement.GetProperty("advice")[0].GetProperty("id").GetString().ShouldNotBe("nothing");
        Read().ShouldContain("in the busiest");

        string Read(params string[] options)
        {
            try
            {
                File.WriteAllText(path, text.ToString());
                return Command.Succeed([path, .. options]);
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    [Fact]
    public void It_fits_on_a_screen_of_80_columns()
    {
        foreach (string sample in Directory.EnumerateFiles(RepositoryFiles.InRepository("samples"), "*.trace.gz"))
        {
            string[] lines = Command.Succeed(sample).TrimEnd().Split('\n');
            lines.Length.ShouldBeLessThanOrEqualTo(40, sample);
            lines.ShouldAllBe(line => line.TrimEnd().Length <= 80, sample);
        }
    }

    [Fact]
    public void It_fits_on_a_terminal_of_24_rows()
    {
        foreach (string sample in Traces())
        {
            string[] lines = Command.RunOn(new TerminalSize(80, 24), sample).TrimEnd().Split('\n');

            // One is for the prompt.
            lines.Length.ShouldBeLessThanOrEqualTo(23, sample);
        }
    }

    [Fact]
    public void What_a_short_terminal_has_no_room_for_is_counted()
    {
        string[] all = [.. Command.Succeed(Vfio).TrimEnd().Split('\n').Where(line => line.Trim().Length != 0)];
        string[] some = Command.RunOn(new TerminalSize(80, 24), Vfio).TrimEnd().Split('\n');

        // The word in front goes on to the first line of its section that is left.
        string[] sentences = [.. all.Select(line => line.Length > 10 ? line[10..] : line)];
        some[..^1].ShouldAllBe(line => all.Contains(line) || sentences.Contains(line.Substring(10)));
        some.Count(line => line.StartsWith("TRY ", StringComparison.Ordinal)).ShouldBe(1);
        string.Join(' ', some).ShouldContain("set the invalidation hint (IH)");
        string left = (all.Length - some.Length).ToString(CultureInfo.InvariantCulture);
        left.ShouldNotBe("0");
        some[^1].ShouldBe($"{all[^1]}; {left} lines more with | less");
    }

    [Fact]
    public void A_tall_terminal_shows_all_of_it() => Command.RunOn(new TerminalSize(80, 60), Vfio).ShouldBe(Command.Succeed(Vfio));

    [Fact]
    public void Several_verdicts_are_never_cut() =>
        Command.RunOn(new TerminalSize(80, 24), Vfio, Vfio).ShouldBe(Command.Succeed(Vfio, Vfio));

    [Fact]
    public void What_the_trace_says_is_said()
    {
        string text = Command.Succeed(Vfio);

        text.ShouldContain("samples/vfio-edu.trace.gz · VT-d, strict, caching mode off, domain 5 · device\n0000:00:03.0 · 7.39 s on 2 CPUs\n");
        text.ShouldContain("FLUSHES   1,581: 1,569 of pages, 12 of whole domains; 0.85 for every unmap");
        text.ShouldContain("at most 42.1 ms of the CPUs' 14.8 s (0.28 %, 1 % in the busiest");
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
    public void Json_is_as_its_schema_says()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.InRepository("docs", "verdict.schema.json")));
        var schema = new JsonSchema(document.RootElement);
        string[] samples = [.. Directory.EnumerateFiles(RepositoryFiles.InRepository("samples"), "*.trace.gz").Order()];
        string[][] commands = [[.. samples], [Vfio], [FaultData("trace.txt"), "--log", FaultData("dmesg.txt")]];
        foreach (string[] command in commands)
        {
            using var json = JsonDocument.Parse(Command.Succeed([.. command, "--json"]));
            schema.ProblemsOf(json.RootElement).ShouldBeEmpty(string.Join(' ', command));
        }

        using var wrong = JsonDocument.Parse("""{ "file": 1, "more": 2 }""");
        schema.ProblemsOf(wrong.RootElement).ShouldNotBeEmpty();
    }

    [Fact]
    public void A_log_says_what_the_trace_does_not()
    {
        string log = Path.GetTempFileName();
        File.WriteAllText(
            log,
            "[    0.000000] Linux version 6.12.1-test (a@b) #1\n[    0.000000] DMI: not present or invalid.\n"
                + "[    0.000000] DMI: Acme Board/X1, BIOS 1\n[    0.500000] pci 0000:00:00.2: AMD-Vi: IOMMU performance counters supported\n");
        try
        {
            string text = Command.Succeed(NoFlushes, "--log", log).ReplaceLineEndings(" ");

            text.ShouldContain("AMD-Vi, mode not in the trace");
            text.ShouldContain("Linux 6.12.1-test · Acme Board/X1 4,803 maps");
            text.ShouldContain("nothing can be said of flushes: the driver of AMD-Vi has no events");
            text.ShouldContain("no fault is in the trace or the log");
        }
        finally
        {
            File.Delete(log);
        }
    }

    [Fact]
    public void Faults_of_which_nothing_can_be_told_are_one_line()
    {
        string log = Path.GetTempFileName();
        File.WriteAllLines(log, Enumerable.Range(0, 9).Select(i =>
            $"[    {i}.000000] vfio-pci 0000:00:0{4 + (i % 5)}.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x0 flags=0x000a]"));
        try
        {
            string text = string.Join(' ', Command.Succeed(NoFlushes, "--log", log).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

            text.ShouldContain("9 faults of 0000:00:04.0, 0000:00:05.0, 0000:00:06.0 and 2 more, cause cannot be told");
            text.ShouldNotContain("9 that cannot be told");
            Command.Succeed("audit", "--log", log).ShouldContain("5. 0000:00:08.0 ");
        }
        finally
        {
            File.Delete(log);
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
    public void A_directory_is_called_one()
    {
        string refusal = Command.Refuse(RepositoryFiles.InRepository("samples"));
        refusal.ShouldContain("is a directory");
        refusal.ShouldNotContain("no command");
    }

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

    // All that is here, and all outside recordings where they are.
    private static IEnumerable<string> Traces()
    {
        var samples = Directory.EnumerateFiles(RepositoryFiles.InRepository("samples"), "*.trace.gz");
        string[] folders = [RepositoryFiles.InShared("faults"), RepositoryFiles.InShared("traces")];
        return samples.Concat(folders.Where(Directory.Exists).SelectMany(
            folder => Directory.EnumerateFiles(folder, "trace.gz", SearchOption.AllDirectories)));
    }
}
