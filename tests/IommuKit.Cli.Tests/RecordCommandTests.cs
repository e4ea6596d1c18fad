using System.IO.Compression;
using IommuKit.Linux.Tests.Support;

namespace IommuKit.Cli.Tests;

/// <summary><c>iommukit record</c> against a kernel in a folder. The command that is recorded plays the kernel, and writes to the pipe.</summary>
[Collection("alone")]
public sealed class RecordCommandTests : IDisposable
{
    private readonly FakeHost? _fake = OperatingSystem.IsLinux() ? FakeHost.CreateTraceable() : null;
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private FakeHost Host => _fake!;

    private string Target => Path.Combine(_folder, "my.trace");

    private string Sample => Path.Combine(_folder, "sample.txt");

    public void Dispose()
    {
        _fake?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [UnixFact]
    public void A_command_is_recorded_judged_and_what_was_known_of_the_machine_is_in_the_verdict()
    {
        var before = Host.Snapshot();
        var (code, output, error) = Record("-o", Target, "--", "sh", "-c", Play());
        code.ShouldBe(0, error);
        output.ShouldContain("VT-d, strict");
        output.ShouldContain("Linux 6.12.95+deb13-amd64");
        output.ShouldContain("1,853 maps, 1,856 unmaps, 1,581 flushes; left out: 183 unmaps flushed only when");
        error.ShouldBe($"iommukit: recording VT-d, lazy until sh ends\niommukit: recorded into {Target}\n");
        string[] lines = File.ReadAllLines(Target);
        lines[0].ShouldBe("# tracer: nop");
        lines.ShouldContain("# iommukit device: 0000:00:03.0, group 5, DMA-FQ, -");
        lines[^1].ShouldBe("# iommukit lost: 0");
        lines.Count(line => !line.StartsWith('#')).ShouldBe(File.ReadAllLines(Sample).Length);
        Host.Snapshot().ShouldBe(before);
        Directory.GetFiles(_folder).ShouldBe([Target, Sample], ignoreOrder: true);

        // A recording is a trace as any other.
        Command.Succeed(Target).ShouldContain("1,853 maps");
    }

    [UnixFact]
    public void A_name_with_gz_is_compressed_and_takes_the_place_of_what_was_there()
    {
        string target = Target + ".gz";
        File.WriteAllText(target, "old");
        Record("-o", target, "--", "sh", "-c", Play()).Code.ShouldBe(0);
        using var text = new StreamReader(new GZipStream(File.OpenRead(target), CompressionMode.Decompress));
        text.ReadLine().ShouldBe("# tracer: nop");
        text.ReadToEnd().ShouldContain("map: IOMMU: iova=");
    }

    [UnixFact]
    public void Nothing_that_was_mapped_is_no_verdict_and_the_recording_is_kept()
    {
        var (code, output, error) = Record("-o", Target, "--seconds", "1");
        code.ShouldBe(3);
        output.ShouldBeEmpty();
        error.ShouldContain("for 1 second\n");
        error.ShouldContain("nothing was mapped or unmapped while it was recorded");
        File.Exists(Target).ShouldBeTrue();
    }

    [SignalFact]
    public void Ctrl_C_ends_a_recording_with_its_verdict()
    {
        var before = Host.Snapshot();
        var (code, output, error) = Record("-o", Target, "--", "sh", "-c", Play() + "; kill -INT $PPID; exec sleep 1000");
        code.ShouldBe(0, error);
        output.ShouldContain("1,853 maps");
        Host.Snapshot().ShouldBe(before);
    }

    [UnixFact]
    public void Another_signal_ends_it_without_and_still_all_is_restored_and_kept() => EndedBy("TERM", 143);

    [SignalFact(SignalFactAttribute.HangUp)]
    public void So_does_a_terminal_that_goes_away() => EndedBy("HUP", 129);

    [UnixFact]
    public void A_disk_that_is_full_is_said_in_one_line()
    {
        var before = Host.Snapshot();
        Host.Recorded = null;
        Refused(74, "No space left", "-o", "/dev/full", "--", "true").ShouldContain("record elsewhere with -o");
        Host.Snapshot().ShouldBe(before);
    }

    [UnixFact]
    public void Each_reason_why_nothing_can_be_recorded_has_an_exit_code()
    {
        Refused(2, "No such file", "-o", Target, "--", Path.Combine(_folder, "nowhere"));
        Refused(2, "no such folder", "-o", Path.Combine(_folder, "none", "x"));
        Refused(2, "exclude each other", "--seconds", "1", "--", "true");
        Refused(2, "--seconds 0", "--seconds", "0");
        Refused(2, "--buffer 1K", "--buffer", "1K");
        Refused(2, "there is no option '--rw'", "fio", "--rw");
        Host.Remove("/sys/kernel/tracing/events/iommu");
        Refused(69, "no event iommu:map", "-o", Target);
        Host.Remove("/sys/kernel/tracing");
        Host.Put("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n");
        Refused(77, "needs root", "-o", Target);

        // Before it is told of a folder that cannot be written to: another folder would not help.
        Refused(77, "needs root", "-o", Path.Combine(_folder, "none", "x"));
        Host.Remove("/sys/class/iommu");
        Host.Remove("/sys/kernel/iommu_groups");
        Refused(69, "no IOMMU is in use", "-o", Target);
        File.Exists(Target).ShouldBeFalse();
    }

    [Fact]
    public void Elsewhere_it_says_that_it_needs_Linux()
    {
        if (OperatingSystem.IsLinux())
        {
            Should.NotThrow(() => Linux.HostFiles.OfThisMachine());
            return;
        }

        var (code, output, error) = Command.Run("record");
        code.ShouldBe(69);
        output.ShouldBeEmpty();
        error.ShouldContain("only Linux");
    }

    private void EndedBy(string signal, int expected)
    {
        var before = Host.Snapshot();
        var (code, output, error) = Record("-o", Target, "--", "sh", "-c", Play() + $"; kill -{signal} $PPID; exec sleep 1000");
        code.ShouldBe(expected, error);
        output.ShouldBeEmpty();
        Command.Succeed(Target).ShouldContain("1,853 maps");
        Host.Snapshot().ShouldBe(before);
    }

    private string Refused(int code, string words, params string[] args)
    {
        var result = Record(args);
        result.Code.ShouldBe(code, result.Error);
        result.Output.ShouldBeEmpty();
        string last = result.Error.TrimEnd('\n').Split('\n')[^1];
        last.ShouldStartWith("iommukit: ");
        last.ShouldContain(words);
        return last;
    }

    private (int Code, string Output, string Error) Record(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(["record", .. args], output, error, isInteractive: false, host: _fake);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>A command that writes the events of a sample to the instance's pipe.</summary>
    private string Play()
    {
        Host.Recorded = null;
        using var sample = new StreamReader(new GZipStream(
            File.OpenRead(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz")), CompressionMode.Decompress));
        string[] events = [.. sample.ReadToEnd().Split('\n').Where(line => line.Length != 0 && !line.StartsWith('#'))];
        File.WriteAllLines(Sample, events);
        return $"cat {Sample} > {Host.PathOf(FakeHost.Tracing)}/instances/iommukit-{Environment.ProcessId}/trace_pipe";
    }
}
