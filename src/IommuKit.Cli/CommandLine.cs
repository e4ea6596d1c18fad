using System.CommandLine;
using System.CommandLine.Parsing;
using IommuKit.Cli.Commands;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Linux;
using IommuKit.Traces;

namespace IommuKit.Cli;

/// <summary>The command <c>iommukit</c>.</summary>
internal static class CommandLine
{
    private const string Name = "iommukit";

    /// <summary>All commands, in the order of the help.</summary>
    internal static IReadOnlyList<CommandEntry> Entries { get; } =
    [
        VerdictCommand.Entry, RecordCommand.Entry, HostCommand.Entry, BenchCommand.Entry, TeardownCommand.Entry, ReplayCommand.Entry, MergeCommand.Entry,
        ModelsCommand.Entry, PoliciesCommand.Entry, DumpCommand.Entry, CheckCommand.Entry, ConformCommand.Entry, InspectCommand.Entry, AuditCommand.Entry,
        CalibrateCommand.Entry, ExplainCommand.Entry, ReportCommand.Entry,
    ];

    /// <summary>
    /// Whether a command line may be of a command, so that its options are needed. A shell's question is about any, as are options that were loaded.
    /// </summary>
    private static bool IsWanted(CommandEntry entry, string[] args) => args switch
    {
        [] or ["help" or "--help" or "-h" or "-?" or "--version"] => false,
        [var first, ..] when IsDirective(first) => true,
        _ => args.Contains(entry.Name)
            || LoadOption.FilesIn(args).Count != 0
            || (entry.Name == VerdictCommand.Name && !Entries.Any(other => other.Name == args[0])),
    };

    /// <summary>The most telling of the errors, on one line.</summary>
    private static string Explain(IReadOnlyList<ParseError> errors)
    {
        // What is not known says more than what is missing because of it.
        string message = errors.Select(error => error.Message).FirstOrDefault(text => text.StartsWith("Unrecognized", StringComparison.Ordinal))
            ?? errors[0].Message;
        string[] lines = message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', lines).TrimEnd('.');
    }

    /// <summary>A message as one line, whatever the names in it hold.</summary>
    private static string OneLine(string message) => Printable.Of(message);

    /// <summary>Has every use of an option that is a list bring a value; to the parser one value is enough for all of them.</summary>
    private static void RequireValues(RootCommand root)
    {
        foreach (var option in root.Subcommands.SelectMany(command => command.Options).Where(option => option.ValueType == typeof(string[])))
        {
            option.Validators.Add(result =>
            {
                if (result.Tokens.Count < result.IdentifierTokenCount)
                {
                    result.AddError($"Required argument missing for option: '{option.Name}'");
                }
            });
        }
    }

    /// <summary>Refuses tuning options of what was loaded whose names options of the commands have.</summary>
    private static void RefuseTakenNames(RootCommand root)
    {
        foreach (var command in root.Subcommands)
        {
            var taken = command.Options.GroupBy(option => option.Name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1);
            if (taken is not null)
            {
                throw new InputException(
                    $"{ExtensionLoader.Option}: there are two options {taken.Key} of '{command.Name}'; give the loaded one another name");
            }
        }
    }

    /// <summary>Runs one command.</summary>
    /// <param name="args">What the user typed.</param>
    /// <param name="output">Where results go.</param>
    /// <param name="error">Where complaints and progress go.</param>
    /// <param name="isInteractive">Whether somebody is looking, so that progress makes sense.</param>
    /// <param name="terminal">The terminal that <paramref name="output"/> goes to; null if it goes to a file or pipe.</param>
    /// <param name="surroundings">What the environment says; null if nothing.</param>
    /// <param name="host">The kernel's files; null for those of this machine.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static int Run(
        string[] args,
        TextWriter output,
        TextWriter error,
        bool isInteractive,
        TerminalSize? terminal = null,
        Surroundings? surroundings = null,
        HostFiles? host = null)
    {
        error = new Complaints(error);
        var catalog = new Catalog();
        try
        {
            // Before the command line is understood: what is loaded has options and names of its own.
            ExtensionLoader.Load(catalog, LoadOption.FilesIn(args));
            return Run(args, new CommandContext(output, error, isInteractive, terminal, surroundings ?? Surroundings.None, catalog, host));
        }
        catch (InputException e)
        {
            error.WriteLine($"{Name}: {OneLine(e.Message)}");
            return ExitCode.BadUse;
        }
        catch (HostException e)
        {
            error.WriteLine($"{Name}: {OneLine(e.Message)}");
            return e.Problem switch
            {
                HostProblem.Permission => ExitCode.NotPermitted,
                HostProblem.Unavailable => ExitCode.Unavailable,
                _ => ExitCode.Failed,
            };
        }
        catch (PlatformNotSupportedException e)
        {
            error.WriteLine($"{Name}: {OneLine(e.Message)}");
            return ExitCode.Unavailable;
        }
        catch (Exception e) when (catalog.Blame(e) is { } blame)
        {
            error.WriteLine($"{Name}: {OneLine(blame)}");
            return ExitCode.BadUse;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error.WriteLine($"{Name}: {OneLine(FileProblem.Describe(e))}");
            return ExitCode.BadUse;
        }
        catch (Exception e)
        {
            error.WriteLine($"{Name}: this is a defect of {Name}, please report it: {e.GetType().Name}: {OneLine(e.Message)}");
            return ExitCode.Defect;
        }
    }

    private static int Run(string[] args, CommandContext context)
    {
        var error = context.Error;
        var root = new RootCommand("iommukit TRACE [--log dmesg.txt] judges a trace of a real kernel: start here. The commands go deeper: what mapping memory for DMA costs, flush by "
            + "flush, on IOMMU drivers that run against register-level models.");
        foreach (var entry in Entries)
        {
            root.Subcommands.Add(IsWanted(entry, args) ? entry.Make(context) : entry.Outline());
        }

        if (args.TakeWhile(arg => arg != "--").FirstOrDefault(LacksValue) is { } empty)
        {
            // The parser would take what follows for the value.
            error.WriteLine($"{Name}: {OneLine(empty[..^1])}: there is no value behind the =");
            return ExitCode.BadUse;
        }

        RequireValues(root);
        RefuseTakenNames(root);
        if (Misspelt(root, args) is { } meant)
        {
            error.WriteLine($"{Name}: there is no command or file '{OneLine(args[0])}'; did you mean '{meant}'? (see '{Name} --help')");
            return ExitCode.BadUse;
        }

        if (args.FirstOrDefault(arg => IsCommand(root, arg)) is { } late && IsOption(root, args[0]))
        {
            error.WriteLine($"{Name}: options stand behind the command: '{Name} {late} {OneLine(args[0])}'");
            return ExitCode.BadUse;
        }

        var parsed = root.Parse(WithCommand(root, args), new ParserConfiguration { ResponseFileTokenReplacer = null });
        string? stray = StrayOption(parsed, args);
        if (parsed.Errors.Count != 0 || stray is not null)
        {
            string command = string.Join(' ', Words(parsed.CommandResult).Reverse());
            string problem = stray is not null ? $"there is no option '{stray}'" : OneOfSeveral(parsed) ?? OneTooMany(parsed) ?? Explain(parsed.Errors);
            error.WriteLine($"{Name}: {OneLine(problem)}{Suggestion(parsed, stray)} (see '{command} --help')");
            return ExitCode.BadUse;
        }

        context.Describe(parsed.CommandResult.Command);
        return parsed.Invoke(new InvocationConfiguration { Output = context.Output, Error = error, EnableDefaultExceptionHandler = false });
    }

    /// <summary>The words of a command, the last first.</summary>
    private static IEnumerable<string> Words(SymbolResult? result)
    {
        for (; result is CommandResult command; result = result.Parent)
        {
            yield return command.Command is RootCommand ? Name : command.Command.Name;
        }
    }

    /// <summary>What was typed, as a command: a trace without one is judged, and nothing at all asks for help.</summary>
    private static string[] WithCommand(RootCommand root, string[] args) => args switch
    {
        [] => ["--help"],
        ["help", .. var rest] => [.. rest, "--help"],
        [var first, ..] when (IsFile(first) && !IsCommand(root, first)) || IsOption(root, first) => [VerdictCommand.Name, .. args],
        _ => args,
    };

    /// <summary>Whether it is an option, and not one of the whole command: it is for a trace that comes behind it.</summary>
    private static bool IsOption(RootCommand root, string arg) =>
        arg is ['-', _, ..] && !root.Options.Any(option => option.Name == arg || option.Aliases.Contains(arg));

    private static bool IsFile(string arg) => arg == "-" || (!arg.StartsWith('-') && !IsDirective(arg));

    /// <summary>Whether a shell asks what a line may go on with, as <c>dotnet-suggest</c> does.</summary>
    private static bool IsDirective(string arg) => arg.StartsWith("[suggest", StringComparison.Ordinal) && arg.EndsWith(']');

    private static bool IsCommand(RootCommand root, string arg) => root.Subcommands.Any(command => command.Name == arg);

    /// <summary>The command that was meant by a first argument that is neither a command nor a file; null if it is one, or like none.</summary>
    private static string? Misspelt(RootCommand root, string[] args) =>
        args is [var first, ..] && IsFile(first) && first is not ("-" or "help") && !IsCommand(root, first) && !Path.Exists(first)
            ? Typos.Nearest(first, root.Subcommands.Select(command => command.Name).Append("help"))
            : null;

    /// <summary>
    /// What looks like an option where the parser takes it for a file; null if there is none. A file of such a name is given behind <c>--</c>.
    /// </summary>
    private static string? StrayOption(ParseResult parsed, string[] args)
    {
        var before = args.TakeWhile(arg => arg != "--").ToHashSet(StringComparer.Ordinal);
        return parsed.CommandResult.Children
            .OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .Select(token => token.Value)
            .FirstOrDefault(value => value.StartsWith('-') && value.Length > 1 && before.Contains(value));
    }

    /// <summary>What to say of a command that is several, of which none was named; null if that is not what is wrong.</summary>
    private static string? OneOfSeveral(ParseResult parsed)
    {
        if (parsed.CommandResult.Command is RootCommand or { Subcommands.Count: 0 } || parsed.UnmatchedTokens.Any(token => token.StartsWith('-')))
        {
            return null;
        }

        var command = parsed.CommandResult.Command;
        string choice = string.Join(" or ", command.Subcommands.Select(one => $"'{command.Name} {one.Name}'"));
        return parsed.UnmatchedTokens is [var word, ..] ? $"there is no '{command.Name} {word}', but {choice}" : $"'{command.Name}' is not all: {choice}";
    }

    /// <summary>What to say of a second file for a command that takes one; null if that is not what is wrong.</summary>
    private static string? OneTooMany(ParseResult parsed) =>
        parsed.CommandResult.Command is { Arguments: [{ Arity.MaximumNumberOfValues: 1 } argument] } command
            && parsed.CommandResult.GetResult(argument) is { Tokens.Count: 1 }
            && parsed.UnmatchedTokens.FirstOrDefault(token => !token.StartsWith('-')) is { } second
            ? $"{command.Name} takes one {argument.Name}, and '{second}' is another"
            : null;

    /// <summary>What may have been meant by an option that does not exist.</summary>
    private static string Suggestion(ParseResult parsed, string? stray)
    {
        string? unknown = stray ?? parsed.UnmatchedTokens.FirstOrDefault(token => token.StartsWith('-'));
        string? meant = unknown is null ? null
            : Typos.Nearest(unknown, parsed.CommandResult.Command.Options.Concat(parsed.RootCommandResult.Command.Options).SelectMany(option => option.Aliases.Prepend(option.Name)));
        return meant is null ? string.Empty : $"; did you mean '{meant}'?";
    }

    private static bool LacksValue(string arg) =>
        arg is ['-', .., '='] && arg.IndexOf('=', StringComparison.Ordinal) == arg.Length - 1;
}
