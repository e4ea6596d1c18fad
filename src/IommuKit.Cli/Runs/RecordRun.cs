using System.Globalization;
using System.IO.Compression;
using System.Text;
using IommuKit.Analysis.Verdict;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Linux;
using IommuKit.Linux.Host;
using IommuKit.Linux.Tracing;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

/// <summary>A recording of this machine, and the verdict on it.</summary>
/// <param name="context">Where the command writes, and the kernel's files.</param>
/// <param name="name">The file that the user named; null for one of today.</param>
/// <param name="time">How long; null until the workload or the user ends it.</param>
/// <param name="workload">A command to run, and its arguments; empty for none.</param>
internal sealed class RecordRun(CommandContext context, string? name, TimeSpan? time, IReadOnlyList<string> workload)
{
    private readonly string _name = name ?? DateTime.Now.ToString("'iommu-'yyyyMMdd-HHmmss'.trace'", CultureInfo.InvariantCulture);

    /// <summary>Records, and judges.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    /// <exception cref="HostException">It cannot be recorded here; nothing was changed.</exception>
    /// <exception cref="InputException">Something that the user gave cannot be used.</exception>
    public int Do(RecordSettings settings)
    {
        var info = HostInfo.Read(context.Host);
        if (info.Iommus.Count == 0 && info.Groups.Count == 0)
        {
            throw new HostException(
                HostProblem.Unavailable,
                "no IOMMU is in use here, so that nothing is mapped: turn it on in the firmware, and with Intel's boot with intel_iommu=on");
        }

        // Who may not trace is told that, and not that his folder cannot be written to.
        _ = Tracefs.Find(context.Host);
        int? signal;
        using (var file = ResultFile.Open(_name, TextWriter.Null, [], endsOnInterrupt: false, endsOnSignals: false))
        using (var end = new RecordEnd(time))
        {
            Record(info, settings, file, end);
            signal = end.Signal;
        }

        context.Error.WriteLine($"iommukit: recorded into {Printable.Of(_name)}");
        return signal ?? Judged();
    }

    private void Record(HostInfo info, RecordSettings settings, ResultFile file, RecordEnd end)
    {
        using (var recorder = TraceRecorder.Prepare(context.Host, settings))
        {
            try
            {
                using var content = file.OpenContent();
                var gzip = _name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(content, CompressionLevel.Fastest, leaveOpen: true) : null;
                Copy(RecordedHosts.Of(info, recorder.Clock, workload), recorder, gzip ?? content, end);
                gzip?.Dispose();
                file.CommitContent();
            }
            catch (IOException e)
            {
                throw new HostException(
                    HostProblem.Failed, $"{_name}: {FileProblem.Describe(e)}, and nothing was kept: make room, or record elsewhere with -o", e);
            }
        }

        end.LetWorkloadEnd();
    }

    private void Copy(RecordedHost host, TraceRecorder recorder, Stream output, RecordEnd end)
    {
        Write(output, host.Write);
        recorder.Start();
        end.Begin(workload);
        string until = workload.Count != 0 ? $"until {workload[0]} ends"
            : time is { } span ? $"for {Numbers.Count((long)span.TotalSeconds, "second")}"
            : "until Ctrl-C";
        string mode = host.Mode is null ? string.Empty : $", {host.Mode}";
        context.Error.WriteLine($"iommukit: recording {host.Iommu ?? "an IOMMU"}{mode} {Printable.Of(until)}");
        if (host.Mode == "identity")
        {
            context.Error.WriteLine("iommukit: devices here reach memory untranslated (identity), so that the kernel maps nothing: boot with iommu.passthrough=0");
        }

        recorder.CopyUntil(output, end.Token);
        Write(output, writer => RecordedHost.WriteEnd(writer, recorder.CountLost()));
    }

    private static void Write(Stream output, Action<TextWriter> write)
    {
        using var writer = new StringWriter();
        write(writer);
        output.Write(Encoding.UTF8.GetBytes(writer.ToString()));
    }

    private int Judged()
    {
        VerdictResult verdict;
        try
        {
            // A line that the kernel cut off costs that line, not the recording.
            verdict = Progress.Read(context, _name, onRead => Judge.Run(_name, null, isLenient: true, onRead));
        }
        catch (InputException e)
        {
            context.Error.WriteLine($"iommukit: there is no verdict: {Printable.Of(e.Message)}");
            return ExitCode.Inconclusive;
        }

        using var standardOutput = ResultFile.Open(null, context.Output, []);
        VerdictOutput.Write(new Results(context, standardOutput, OutputFormat.Table), [verdict]);
        return ExitCode.Success;
    }
}
