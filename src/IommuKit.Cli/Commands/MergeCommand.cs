using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Cli.Runs;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit merge</c>: the shards of a sweep put together.</summary>
internal static class MergeCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "merge",
        "Put the parts of a sweep together, and print what one run of all of it would have printed.",
        "FILE",
        Create);

    private static Command Create(CommandContext context)
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "What 'iommukit replay --shard I/N' wrote, all N parts, in any order.",
            Arity = ArgumentArity.OneOrMore,
        };
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            files,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] paths = parsed.GetValue(files)!;
            return results.Collect(parsed, context, paths, writer =>
            {
                var merged = ShardMerger.Read(paths);
                ReplayOutput.Write(writer, merged.View, merged.Results);
            });
        });
        return command;
    }
}
