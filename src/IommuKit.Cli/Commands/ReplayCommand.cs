using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit replay</c>: a trace of a real kernel on modelled IOMMUs.</summary>
internal static class ReplayCommand
{
    public static Command Create(CommandContext context)
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Traces with the events iommu:map and iommu:unmap: ftrace text, plain or gzip.",
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
            var format = results.FormatIn(parsed);
            using var result = results.Open(parsed, context);
            var replays = new List<ReplayResult>();
            foreach (string file in parsed.GetValue(files)!)
            {
                replays.AddRange(Progress.Read(context, file, onRead => Replayer.Run(file, options, onRead)));
            }

            Write(context, result, format, replays, options);
            result.Commit();
            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(
        CommandContext context, ResultFile result, OutputFormat format, IReadOnlyList<ReplayResult> replays, ReplayOptions options)
    {
        ReplayRecord[] records = [.. replays.Select(replay => new ReplayRecord(replay, options))];
        switch (format)
        {
            case OutputFormat.Json:
                Records.WriteJsonLines(result.Writer, records);
                break;
            case OutputFormat.Csv:
                Records.WriteCsv(result.Writer, records);
                break;
            default:
                ReplayTable.Write(context.ConsoleFor(result.Writer), replays, options, format == OutputFormat.Markdown);
                break;
        }
    }
}
