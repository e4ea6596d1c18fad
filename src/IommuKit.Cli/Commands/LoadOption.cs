using System.CommandLine;
using IommuKit.Cli.Extensions;

namespace IommuKit.Cli.Commands;

/// <summary>The option that names assemblies with more IOMMUs and formats, of the commands that have it.</summary>
internal static class LoadOption
{
    // As written on the command line; those that know of one machine only have it not.
    private static readonly string[] Commands = ["bench", "replay", "check", "dump", "models"];

    /// <summary>Makes the option. Its values are read by <see cref="FilesIn"/>, before anything else.</summary>
    public static Option<string[]> Create() => new(ExtensionLoader.Option)
    {
        Description = "Load IOMMUs and page-table formats from this .NET assembly (docs/extending.md); repeatable. Its code runs with all your rights.",
        HelpName = "FILE.dll",
    };

    /// <summary>The files that are named. One that has no value is left to the parser.</summary>
    /// <param name="args">What the user typed.</param>
    public static IReadOnlyList<string> FilesIn(string[] args)
    {
        var files = new List<string>();
        if (args is not [var command, ..] || !Commands.Contains(command, StringComparer.Ordinal))
        {
            return files;
        }

        const string assigned = $"{ExtensionLoader.Option}=";
        for (int i = 1; i < args.Length && args[i] != "--"; i++)
        {
            if (args[i].StartsWith(assigned, StringComparison.Ordinal) && args[i].Length > assigned.Length)
            {
                files.Add(args[i][assigned.Length..]);
            }
            else if (args[i] == ExtensionLoader.Option && i + 1 < args.Length && !args[i + 1].StartsWith('-'))
            {
                files.Add(args[++i]);
            }
        }

        return files;
    }
}
