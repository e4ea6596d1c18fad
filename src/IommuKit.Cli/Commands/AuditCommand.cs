using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab.Audit;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit audit</c>: which invalidations of a real kernel are missing, late or wasted.</summary>
internal static class AuditCommand
{
    public static Command Create(CommandContext context)
    {
        var trace = new Argument<string>("TRACE")
        {
            Description = "A trace with iommu:map and iommu:unmap, and intel_iommu:qi_submit or intel_iommu:cache_tag_flush_*: ftrace "
                + "text, plain or gzip. -: the standard input.",
        };
        var lenient = new Option<bool>("--lenient")
        {
            Description = "Go on where the file is cut off or damaged, and count what is left out.",
        };
        var results = new ResultOptions();
        var command = new Command("audit", "Find invalidations that are missing, late or wasted in a trace of a real kernel.")
        {
            trace,
            lenient,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string file = parsed.GetValue(trace)!;
            return results.Collect(parsed, context, [file], writer =>
            {
                var audit = Progress.Read(context, file, onRead => Auditor.Run(file, parsed.GetValue(lenient), onRead));
                writer.WriteOne(
                    new AuditRecord(audit),
                    [.. audit.Findings.Select(finding => new AuditFindingRecord(finding))],
                    (console, isMarkdown) => AuditTable.Write(console, audit, isMarkdown));
            });
        });
        return command;
    }
}
