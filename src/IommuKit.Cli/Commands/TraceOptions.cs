using System.CommandLine;

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
}
