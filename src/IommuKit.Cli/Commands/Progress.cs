using Spectre.Console;

namespace IommuKit.Cli.Commands;

/// <summary>Shows how far a long run has come, to whoever looks.</summary>
internal static class Progress
{
    /// <summary>Collects rows, with a bar on the standard error if somebody is looking.</summary>
    public static IReadOnlyList<T> Collect<T>(CommandContext context, string what, int total, IEnumerable<T> rows)
    {
        if (!context.IsInteractive)
        {
            return [.. rows];
        }

        var list = new List<T>(total);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Error) });
        console.Progress().AutoClear(true).Start(progress =>
        {
            var task = progress.AddTask(Markup.Escape(what), maxValue: total);
            foreach (var row in rows)
            {
                list.Add(row);
                task.Increment(1);
            }
        });
        return list;
    }
}
