using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Invocation;

/// <summary>Shows the user how far a long run has come.</summary>
internal static class Progress
{
    /// <summary>Reads a file, with a bar on the standard error if somebody is looking.</summary>
    public static T Read<T>(CommandContext context, string file, Func<Action<long>?, T> read)
    {
        if (!context.IsInteractive)
        {
            return read(null);
        }

        return Bars.Over(context.ErrorConsole(), progress =>
        {
            var task = progress.AddTask(Markup.Escape(Printable.Of(Path.GetFileName(file))), maxValue: LengthOf(file));
            return read(position => task.Value = position);
        });
    }

    /// <summary>Reads several files at once, with a bar for each on the standard error if somebody is looking.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="files">The files.</param>
    /// <param name="read">Reads them; given what to tell, on any thread: the index of a file and how much of it was read.</param>
    public static T ReadAll<T>(CommandContext context, IReadOnlyList<string> files, Func<Action<int, long>?, T> read)
    {
        if (!context.IsInteractive)
        {
            return read(null);
        }

        return Bars.Over(context.ErrorConsole(), progress =>
        {
            ProgressTask[] tasks = [.. files.Select(file => progress.AddTask(Markup.Escape(Printable.Of(Path.GetFileName(file))), maxValue: LengthOf(file)))];
            return read((index, position) => tasks[index].Value = position);
        });
    }

    /// <summary>Does work of several steps, with a bar for each on the standard error if somebody is looking.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="file">The file that is read on the way, or null.</param>
    /// <param name="work">The work; given what to tell of each step, and of how much of the file was read.</param>
    public static T Steps<T>(CommandContext context, string? file, Func<Action<string>?, Action<long>?, T> work)
    {
        if (!context.IsInteractive)
        {
            return work(null, null);
        }

        return Bars.Over(context.ErrorConsole(), progress =>
        {
            ProgressTask? task = null;
            long length = file is null ? 0 : LengthOf(file);
            return work(
                step =>
                {
                    task?.StopTask();
                    task = progress.AddTask(Markup.Escape(Printable.Of(step)));
                    task.IsIndeterminate = true;
                },
                position =>
                {
                    // Of a pipe nobody knows how much is left.
                    if (task is not null && length > 1)
                    {
                        task.IsIndeterminate = false;
                        task.MaxValue = length;
                        task.Value = position;
                    }
                });
        });
    }

    /// <summary>
    /// Does work of several phases one after the other, with a bar for each on the standard error if somebody is looking, and else a line now and then.
    /// </summary>
    /// <param name="context">Where to.</param>
    /// <param name="work">The work; given what to tell of each phase and of how much of it is done, from 0 to 1, on any thread.</param>
    public static T Phases<T>(CommandContext context, Func<Action<string, double>?, T> work) => Phases(context, (report, _) => work(report));

    /// <summary>
    /// Does work of several phases one after the other, with a bar for each on the standard error if somebody is looking, and else a line now and then.
    /// It may have something to say meanwhile.
    /// </summary>
    /// <param name="context">Where to.</param>
    /// <param name="work">The work; given what to tell of each phase and of how much of it is done, and what writes a line on the standard error.</param>
    /// <param name="endsOnInterrupt">Whether SIGINT ends the process; if not, the work sees to it.</param>
    public static T Phases<T>(CommandContext context, Func<Action<string, double>?, Action<string>, T> work, bool endsOnInterrupt = true)
    {
        if (!context.IsInteractive)
        {
            return work(new ProgressLines(context.Error).Report, context.Error.WriteLine);
        }

        var console = context.ErrorConsole();
        return Bars.Over(console, progress =>
        {
            var tasks = new Dictionary<string, ProgressTask>(StringComparer.Ordinal);
            return work(Report, console.WriteLine);

            void Report(string phase, double share)
            {
                lock (tasks)
                {
                    if (!tasks.TryGetValue(phase, out var task))
                    {
                        task = progress.AddTask(Markup.Escape(Printable.Of(phase)), maxValue: 1);
                        tasks.Add(phase, task);
                    }

                    task.Value = Math.Max(task.Value, share);
                }
            }
        },
        endsOnInterrupt);
    }

    /// <summary>Collects rows, with a bar on the standard error if somebody is looking.</summary>
    public static IReadOnlyList<T> Collect<T>(CommandContext context, string what, int total, IEnumerable<T> rows)
    {
        if (!context.IsInteractive)
        {
            return [.. rows];
        }

        return Bars.Over(context.ErrorConsole(), progress =>
        {
            var list = new List<T>(total);
            var task = progress.AddTask(Markup.Escape(Printable.Of(what)), maxValue: total);
            foreach (var row in rows)
            {
                list.Add(row);
                task.Increment(1);
            }

            return list;
        });
    }

    /// <summary>Turns how many bytes of a file were read into how much of a phase is done.</summary>
    /// <param name="file">The file.</param>
    /// <param name="phase">The phase.</param>
    /// <param name="report">Who wants to know, or null.</param>
    public static Action<long>? Share(string file, string phase, Action<string, double>? report)
    {
        double length = LengthOf(file);
        return report is null ? null : position => report(phase, Math.Min(1, position / length));
    }

    /// <summary>The length of a file; 1 for what has none, as pipes.</summary>
    private static long LengthOf(string file)
    {
        var info = new FileInfo(file);
        return info.Exists ? Math.Max(1, info.Length) : 1;
    }
}
