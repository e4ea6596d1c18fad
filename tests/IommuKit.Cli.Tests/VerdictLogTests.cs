using System.IO.Compression;
using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>Whether a log beside a trace is of the same run, and what a trace cannot know.</summary>
public sealed class VerdictLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private static string Vfio => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_log_of_devices_that_the_trace_does_not_know_is_doubted()
    {
        string log = RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "vtd", "dmesg.txt");
        string text = Command.Succeed(Vfio, "--log", log);
        string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries)).ShouldContain("is it of another run?");
        text.Split('\n')[1].ShouldNotContain("Linux");
        using var json = JsonDocument.Parse(Command.Succeed(Vfio, "--log", log, "--json"));
        json.RootElement.GetProperty("log_is_of_other_devices").GetBoolean().ShouldBeTrue();
        json.RootElement.GetProperty("kernel").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    /// <summary>First lines of faults are alike in every log, and tie none to a trace.</summary>
    [SharedFact]
    public void A_log_of_another_run_is_left_out_though_first_lines_are_alike()
    {
        string trace = RepositoryFiles.InShared("faults", "vtd-72-lazy", "trace.gz");
        using var alone = JsonDocument.Parse(Command.Succeed(trace, "--json"));
        using var json = JsonDocument.Parse(
            Command.Succeed(trace, "--log", RepositoryFiles.InShared("faults", "vtd-612-strict", "dmesg.txt"), "--json"));
        json.RootElement.GetProperty("log_faults_left_out").GetInt64().ShouldBeGreaterThan(10);
        json.RootElement.GetProperty("faults_by_cause").GetRawText().ShouldBe(alone.RootElement.GetProperty("faults_by_cause").GetRawText());
        json.RootElement.GetProperty("kernel").ToString().ShouldNotContain("6.12");
    }

    /// <summary>Nothing ties such a log to its trace, and what it says of the machine is not the trace's.</summary>
    [SharedTheory]
    [InlineData("nvme-rand-strict-qi/trace.gz", "vtd-72-lazy", "by the log: Linux 7.2.13")]
    [InlineData("e1000e-counter-lazy-qi/trace.gz", "vtd-612-strict", "27 whose cause cannot be told")]
    [InlineData("boot-multi/trace.dat", "vtd-72-lazy", "the log is of another kernel than the trace and left out, with 27 messages of faults")]
    public void A_log_that_nothing_ties_to_the_trace_is_doubted_first(string trace, string other, string text)
    {
        string[] command =
            [RepositoryFiles.InShared("traces", trace), "--log", RepositoryFiles.InShared("faults", other, "dmesg.txt")];
        string screen = string.Join(' ', Command.Succeed(command).Split('\n', StringSplitOptions.TrimEntries));
        screen.ShouldContain(text);
        screen.ShouldNotContain("never mapped");
        using var json = JsonDocument.Parse(Command.Succeed([.. command, "--json"]));
        var root = json.RootElement;
        root.GetProperty("faults_in_both").GetInt32().ShouldBe(0);
        bool isLeftOut = root.GetProperty("log_faults_left_out").GetInt32() != 0;
        root.GetProperty("by_log").GetArrayLength().ShouldBe(isLeftOut ? 0 : 5, root.GetProperty("by_log").GetRawText());
        root.GetProperty("advice")[0].GetProperty("id").GetString()!.ShouldBe(isLeftOut ? "flush-once-per-burst" : "tie-the-log");
    }

    /// <summary>However the log was printed.</summary>
    [SharedTheory]
    [InlineData("vtd-612-strict")]
    [InlineData("smmuv3-72-strict")]
    [InlineData("virtio-72-x86")]
    public void A_log_of_the_same_run_is_not_doubted(string name)
    {
        string folder = RepositoryFiles.InShared("faults", name);
        string[] logs = [Path.Combine(folder, "dmesg.txt"), .. Directory.GetFiles(Path.Combine(folder, "variants"), "*.txt")];
        foreach (string log in logs.Where(log => Path.GetFileName(log) != "VARIANTS.txt"))
        {
            string screen = string.Join(' ', Command.Succeed(Path.Combine(folder, "trace.gz"), "--log", log).Split('\n', StringSplitOptions.TrimEntries));
            screen.ShouldNotContain("the same run", customMessage: log);
            screen.ShouldNotContain("another run", customMessage: log);
            screen.ShouldNotContain("in doubt", customMessage: log);
            screen.ShouldContain("never mapped", customMessage: log);
        }
    }

    /// <summary>Of a trace that begins late, nobody can say what was mapped before.</summary>
    [SharedFact]
    public void What_was_before_a_trace_that_begins_late_is_not_called_never()
    {
        string whole = RepositoryFiles.InShared("faults", "vtd-612-strict", "trace.gz");
        string late = Path.Combine(_folder, "late.txt");
        using (var unpacked = new StreamReader(new GZipStream(File.OpenRead(whole), CompressionMode.Decompress)))
        {
            File.WriteAllLines(late, unpacked.ReadToEnd().Split('\n').Where((line, index) => index > 3632 && !line.StartsWith('#')));
        }

        Command.Succeed(whole).ShouldContain("never mapped");
        string screen = string.Join(' ', Command.Succeed(late).Split('\n', StringSplitOptions.TrimEntries));
        screen.ShouldNotContain("never mapped");
        screen.ShouldContain("5 not mapped in the trace");
    }
}
