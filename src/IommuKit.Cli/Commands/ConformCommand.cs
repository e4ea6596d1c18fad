using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Iommus;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit conform</c>: models against recorded boots.</summary>
internal static class ConformCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "conform",
        "Compare a model with recorded boots: load each snapshot of registers and memory, make every recorded access, and compare answers and faults. "
            + "Where we have a driver, have it do the maps and unmaps of the recorded kernel, and compare the commands for each. "
            + "Exit code 1 if anything differs that is no known deviation of the recorder.",
        "DIR",
        Create);

    private static Command Create(CommandContext context)
    {
        var folders = new Argument<string[]>("DIR")
        {
            Description = "A recorded boot, with pages.txt and translations.txt (or .gz of them), or a folder with such folders in it.",
            Arity = ArgumentArity.OneOrMore,
        };
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            folders,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            bool differs = false;
            var boots = WithoutFiles(parsed.GetValue(folders)!, context).SelectMany(BootsIn).Select(folder => new RecordedBoot(folder)).ToList();
            int code = results.Collect(parsed, context, [.. boots.SelectMany(boot => boot.Files)], writer =>
            {
                var all = Progress.Collect(context, "conform", boots.Count, boots.Select(boot => ConformRunner.Run(boot, ConformCatalog.All)));
                differs = all.Any(result => result.Unknown != 0);
                ConformOutput.Write(writer, all);
            });
            return differs ? ExitCode.Violation : code;
        });
        return command;
    }

    /// <summary>What a shell made of DIR/* has the files beside the boots, too.</summary>
    private static IEnumerable<string> WithoutFiles(string[] names, CommandContext context)
    {
        string[] files = [.. names.Where(File.Exists)];
        if (files.Length == names.Length)
        {
            return names;
        }

        foreach (string file in files)
        {
            context.Error.WriteLine($"iommukit: {Printable.Of(file)}: is a file, and left out: a recorded boot is a folder");
        }

        return names.Except(files, StringComparer.Ordinal);
    }

    /// <summary>The folder if it is a boot, or those in it that are.</summary>
    private static IEnumerable<string> BootsIn(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new InputException(File.Exists(folder)
                ? $"{folder}: is a file, and a recorded boot is a folder; name that, or the folder with all of them"
                : $"{folder}: there is no such folder");
        }

        if (RecordedBoot.IsAt(folder))
        {
            return [folder];
        }

        string[] inside = [.. Directory.GetDirectories(folder).Where(RecordedBoot.IsAt).Order(StringComparer.Ordinal)];
        return inside.Length != 0
            ? inside
            : throw new InputException($"{folder}: there is no recorded boot in it, which has pages.txt and translations.txt, or .gz of them");
    }
}
