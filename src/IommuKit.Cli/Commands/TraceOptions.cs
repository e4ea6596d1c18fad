using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Traces;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Commands;

/// <summary>Options of several commands about how a trace is read and what lies beside it.</summary>
internal static class TraceOptions
{
    /// <summary>Whether to go on where a file is cut off or damaged.</summary>
    public static Option<bool> Lenient() => new("--lenient")
    {
        Description = "Go on where a file is cut off or damaged, and count what is left out.",
    };

    /// <summary>The kernel log of the same run.</summary>
    public static Option<string?> Log(string more = "") => new("--log")
    {
        Description = "The kernel log of the same run (dmesg, journalctl -k, a serial console), plain or gzip: the faults in it are explained with "
            + $"the trace.{more}",
        HelpName = "FILE",
    };

    /// <summary>Refuses what cannot be read together: a trace, a log, or one trace and its log can.</summary>
    public static void CheckLog(string command, string[] files, string? log)
    {
        if (files.Length == 0 && log is null)
        {
            throw new InputException(
                $"there is neither a TRACE nor a kernel log; give a trace, or --log FILE, or both (see 'iommukit {command} --help')");
        }

        if (log is not null && files.Length > 1)
        {
            throw new InputException("--log goes with one trace: that of the same run");
        }

        if (files.Contains("-") && log == "-")
        {
            throw new InputException("the trace and the log cannot both be the standard input");
        }

        if (files.Count(file => file == "-") > 1)
        {
            throw new InputException("-: the standard input can be read only once");
        }
    }

    /// <summary>Reads a kernel log.</summary>
    public static KernelLog Read(CommandContext context, string log) => Progress.Read(context, log, onRead => KernelLogReader.Read(log, onRead));

    /// <summary>The faults of a kernel log alone.</summary>
    public static FaultReport FaultsOf(CommandContext context, string log) => new FaultObserver(Read(context, log)).Finish();
}
