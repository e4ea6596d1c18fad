using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit audit</c>: which invalidations of a real kernel are missing, late or wasted, and why devices faulted.</summary>
internal static class AuditCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "audit",
        "Find invalidations that are missing, late or wasted in a trace of a real kernel, and explain faults.",
        "TRACE",
        Create);

    private static Command Create(CommandContext context)
    {
        var traces = new Argument<string[]>("TRACE")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Traces with iommu:map and iommu:unmap, and on VT-d intel_iommu:qi_submit or intel_iommu:cache_tag_flush_*: ftrace "
                + "text, plain or gzip, or a trace.dat. Drivers of other IOMMUs have no events of flushes; faults are explained for all. "
                + "-: the standard input. May be left out with --log.",
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
            TraceOptions.CheckLog("audit", files, logFile);
            string[] inputs = [.. files, .. new[] { logFile }.OfType<string>()];
            return results.Collect(parsed, context, inputs, writer =>
            {
                if (files.Length == 0)
                {
                    FaultOutput.WriteLog(writer, TraceOptions.FaultsOf(context, logFile!));
                    return;
                }

                var faults = logFile is null ? null : TraceOptions.Read(context, logFile);

                AuditResult[] audits =
                    [.. files.Select(file => Progress.Read(context, file, onRead => Auditor.Run(file, parsed.GetValue(lenient), onRead, faults)))];
                AuditOutput.Write(writer, audits);
            });
        });
        return command;
    }
}
