using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Audit;
using IommuKit.Lab.Faults;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit audit</c>: which invalidations of a real kernel are missing, late or wasted, and why devices faulted.</summary>
internal static class AuditCommand
{
    public static Command Create(CommandContext context)
    {
        var trace = new Argument<string?>("TRACE")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "A trace with iommu:map and iommu:unmap, and intel_iommu:qi_submit or intel_iommu:cache_tag_flush_*: ftrace "
                + "text, plain or gzip, or a trace.dat. -: the standard input. May be left out with --log.",
        };
        var log = new Option<string?>("--log")
        {
            Description = "The kernel log of the same run (dmesg, journalctl -k, a serial console), plain or gzip: decode the faults in it, and say "
                + "of each when its IOVA was last mapped and unmapped. Without TRACE: decode them alone.",
            HelpName = "FILE",
        };
        var lenient = new Option<bool>("--lenient")
        {
            Description = "Go on where the file is cut off or damaged, and count what is left out.",
        };
        var results = new ResultOptions();
        var command = new Command("audit", "Find invalidations that are missing, late or wasted in a trace of a real kernel, and explain faults.")
        {
            trace,
            log,
            lenient,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string? file = parsed.GetValue(trace);
            string? logFile = parsed.GetValue(log);
            if (file is null && logFile is null)
            {
                throw new InputException(
                    "there is neither a TRACE nor a kernel log; give a trace, or --log FILE, or both (see 'iommukit audit --help')");
            }

            if (file == "-" && logFile == "-")
            {
                throw new InputException("the trace and the log cannot both be the standard input");
            }

            string[] inputs = [.. new[] { file, logFile }.OfType<string>()];
            return results.Collect(parsed, context, inputs, writer =>
            {
                var faults = logFile is null ? null : Progress.Read(context, logFile, onRead => KernelLogReader.Read(logFile, onRead));
                if (file is null)
                {
                    var report = new FaultObserver(faults).Finish();
                    writer.WriteOne(
                        new FaultLogRecord(report),
                        [.. report.Faults.Select(fault => new FaultRecord(fault))],
                        (console, isMarkdown) => FaultList.Write(console, report, isMarkdown));
                    return;
                }

                var audit = Progress.Read(context, file, onRead => Auditor.Run(file, parsed.GetValue(lenient), onRead, faults));
                writer.WriteOne(
                    new AuditRecord(audit),
                    [.. audit.Findings.Select(finding => new AuditFindingRecord(finding))],
                    (console, isMarkdown) => AuditTable.Write(console, audit, isMarkdown));
            });
        });
        return command;
    }
}
