using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit replay</c>: a trace of a real kernel on modelled IOMMUs.</summary>
internal static class ReplayCommand
{
    public static Command Create(CommandContext context)
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Traces with the events iommu:map and iommu:unmap: ftrace text, trace.dat, or what trace-cmd report and perf script print; plain or gzip. -: the standard input.",
            Arity = ArgumentArity.OneOrMore,
        };
        var common = new RunOptions();
        var lenient = new Option<bool>("--lenient")
        {
            Description = "Go on where a file is cut off or damaged, and count what is left out.",
        };
        var results = new ResultOptions();
        var command = new Command("replay", "Replay map and unmap events recorded on a real kernel, under every flush policy, and count what it takes.")
        {
            files,
        };
        common.AddTo(command);
        command.Options.Add(lenient);
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = new ReplayOptions
            {
                Machines = common.MachinesIn(parsed),
                Policies = common.PoliciesIn(parsed),
                FlushAllPages = common.FlushAllIn(parsed),
                Settings = common.SettingsIn(parsed),
                Costs = common.CostsIn(parsed),
                IsLenient = parsed.GetValue(lenient),
            };
            string[] paths = parsed.GetValue(files)!;
            if (paths.Count(path => path == "-") > 1)
            {
                throw new InputException("-: the standard input can be read only once");
            }

            return results.Collect(parsed, context, [.. paths, .. common.FilesIn(parsed)], writer =>
            {
                var replays = new List<ReplayResult>();
                foreach (string file in paths)
                {
                    replays.AddRange(Progress.Read(context, file, onRead => Replayer.Run(file, options, onRead)));
                }

                writer.Write(
                    [.. replays.Select(replay => new ReplayRecord(replay, options))],
                    (console, isMarkdown) => ReplayTable.Write(console, replays, options, isMarkdown),
                    isJsonLines: true);
            });
        });
        return command;
    }
}
