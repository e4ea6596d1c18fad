using System.Globalization;

namespace IommuKit.Cli.Tests;

/// <summary>Traces from pipes, and what the command says of input that it cannot use.</summary>
public sealed class InputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Sample => RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [UnixFact]
    public void A_trace_may_come_through_a_pipe()
    {
        string[] expected = Fields(Command.Succeed("replay", Sample, "-p", "Gather", "--csv"));
        foreach (string input in (string[])["- < '{0}'", "/dev/stdin < '{0}'", "<(cat '{0}')", "<(zcat '{0}')", "- < <(zcat '{0}')"])
        {
            string words = string.Format(CultureInfo.InvariantCulture, input, Sample);
            var (code, output, error) = Shell.Run(_folder, $"{Shell.Iommukit} replay -p Gather --csv {words}");
            error.ShouldBeEmpty(words);
            code.ShouldBe(0);
            Fields(output).ShouldBe(expected, words);
        }

        Shell.Run(_folder, $"{Shell.Iommukit} replay - < /dev/null").Error.ShouldBe("iommukit: standard input: is empty\n");
    }

    [Fact]
    public void Empty_names_are_refused()
    {
        Command.Refuse("replay", string.Empty).ShouldContain("the name of a trace is empty");
        Command.Refuse("bench", "--costs", string.Empty).ShouldContain("the name of a cost file is empty");
    }

    [Fact]
    public void A_defect_is_one_line_and_has_its_own_exit_code()
    {
        using var error = new StringWriter();
        int code = CommandLine.Run(["models"], new BrokenWriter(), error, isInteractive: false);
        code.ShouldBe(70);
        error.ToString().ShouldBe("iommukit: this is a defect of iommukit, please report it: InvalidTimeZoneException: out of order\n");
    }

    [Fact]
    public void Lenient_replay_says_what_is_wrong_with_the_file()
    {
        string broken = Path.Combine(_folder, "broken.gz");
        File.WriteAllBytes(broken, File.ReadAllBytes(Sample)[..30_000]);
        string text = Command.Succeed("replay", broken, "--lenient", "-p", "Gather");
        text.ShouldContain("the gzip data breaks off or is damaged after line");
        Command.Succeed("replay", broken, "--lenient", "-p", "Gather", "--jsonl").ShouldContain("\"problem\":\"the gzip data");
    }

    [Fact]
    public void One_of_something_is_not_several()
    {
        string trace = Path.Combine(_folder, "trace");
        File.WriteAllLines(
            trace,
            [
                "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096",
                "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096",
                "1.0: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096",
            ]);
        string text = Command.Succeed("replay", trace, "-p", "Gather");
        text.ShouldContain("2 maps, 1 unmap, 0 other events in 3 lines; 1 page live at the end, 2 at most");
        text.ShouldContain("1 map over pages that are mapped (first: line 2): of other domains, as no event is missing; replayed in 2 domains");
        text.ShouldNotContain("skipped:");
        File.WriteAllLines(trace, ["CPU:0 [LOST 1 EVENTS]", .. File.ReadAllLines(trace)]);
        text = Command.Succeed("replay", trace, "-p", "Gather");
        text.ShouldContain("1 map over pages that are mapped (first: line 3): several domains in one trace, or lost events");
        text.ShouldContain("skipped: 1 map over pages that are mapped, line 3\n");
    }

    /// <summary>All fields of the one result but the file's name.</summary>
    private static string[] Fields(string csv) => csv.Split('\n')[1].Split(',')[1..];

    private sealed class BrokenWriter : StringWriter
    {
        public override void Write(char[] buffer, int index, int count) => throw new InvalidTimeZoneException("out of\norder");

        public override void Write(string? value) => throw new InvalidTimeZoneException("out of\norder");
    }
}
