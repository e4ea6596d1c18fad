using System.CommandLine;
using IommuKit.Analysis.Verdict;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit verdict</c>, or just <c>iommukit TRACE</c>: what a trace says about its flushes, on one screen.</summary>
internal static class VerdictCommand
{
    public const string Name = "verdict";

    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        Name,
        "What a trace says about its flushes: time, faults, waste, and what to try. The same as 'iommukit TRACE'.",
        "TRACE",
        Create);

    private static Command Create(CommandContext context)
    {
        var traces = new Argument<string[]>("TRACE")
        {
            Description = "Traces of a real kernel: ftrace text or trace.dat, plain or gzip. -: the standard input. May be left out with --log.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var log = TraceOptions.Log(" Without TRACE: decode them alone.");
        var lenient = TraceOptions.Lenient();
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            traces,
            log,
            lenient,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] files = parsed.GetValue(traces)!;
            string? logFile = parsed.GetValue(log);
            TraceOptions.CheckLog("verdict", files, logFile);
            return results.Collect(parsed, context, logFile is null ? files : [.. files, logFile], writer =>
            {
                if (files.Length == 0)
                {
                    FaultOutput.WriteLog(writer, TraceOptions.FaultsOf(context, logFile!));
                    return;
                }

                var verdicts = files.Select(file => Judged(context, file, logFile, parsed.GetValue(lenient))).ToList();
                VerdictOutput.Write(writer, verdicts);
            });
        });
        return command;
    }

    private static VerdictResult Judged(CommandContext context, string file, string? logFile, bool isLenient)
    {
        // A log explains nothing twice: it is read anew for each.
        var log = logFile is null ? null : KernelLogReader.Read(logFile);
        return Progress.Read(context, file, onRead => Judge.Run(file, log, isLenient, onRead));
    }
}
