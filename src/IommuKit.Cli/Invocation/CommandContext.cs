using System.CommandLine;
using IommuKit.Cli.Extensions;
using IommuKit.Linux;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Invocation;

/// <summary>Where a command writes.</summary>
/// <param name="output">Results.</param>
/// <param name="error">Complaints and progress.</param>
/// <param name="isInteractive">Whether somebody is looking, so that progress makes sense.</param>
/// <param name="terminal">The terminal that results go to; null if they go to a file or pipe.</param>
/// <param name="surroundings">What the environment says about how to write.</param>
/// <param name="catalog">What the run knows; null for what comes with the command.</param>
/// <param name="host">The kernel's files; null for those of this machine.</param>
internal sealed class CommandContext(
    TextWriter output,
    TextWriter error,
    bool isInteractive,
    TerminalSize? terminal,
    Surroundings surroundings,
    Catalog? catalog = null,
    HostFiles? host = null)
{
    // Nothing wraps where no window sets the width.
    private const int FileWidth = 4096;

    // What terminals have that do not know their width.
    private const int UsualWidth = 80;

    private readonly Dictionary<Option, Func<string>> _descriptions = [];

    /// <summary>Results.</summary>
    public TextWriter Output => output;

    /// <summary>Complaints and progress.</summary>
    public TextWriter Error => error;

    /// <summary>What the run knows: IOMMUs, formats, what can be checked.</summary>
    public Catalog Catalog { get; } = catalog ?? new Catalog();

    /// <summary>The kernel's files.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public HostFiles Host => host ?? HostFiles.OfThisMachine();

    /// <summary>Whether somebody is looking.</summary>
    public bool IsInteractive => isInteractive;

    /// <summary>Whether results go to a terminal.</summary>
    public bool IsTerminal => terminal is not null;

    /// <summary>Leaves the description of an option until its command is run, because what it lists takes long to list.</summary>
    public void Describe(Option option, Func<string> description) => _descriptions.Add(option, description);

    /// <summary>Describes what was left until then.</summary>
    public void Describe(Command command)
    {
        foreach (var option in command.Options.Where(_descriptions.ContainsKey))
        {
            option.Description = _descriptions[option]();
        }
    }

    /// <summary>A console that writes tables to <paramref name="writer"/>.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="isMarkdown">Whether it is for another program, and so never depends on the terminal.</param>
    public IAnsiConsole ConsoleFor(TextWriter writer, bool isMarkdown)
    {
        bool isOutput = ReferenceEquals(writer, output) && !isMarkdown;
        bool isTerminal = terminal is not null && isOutput;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal && isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = surroundings.IsPlain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
        });
        int otherwise = isTerminal ? UsualWidth : FileWidth;
        console.Profile.Width = isTerminal && terminal is { Columns: > 0 and var width } ? width : (isOutput ? surroundings.Columns : null) ?? otherwise;
        console.Profile.Height = isTerminal && terminal is { Rows: > 0 and var height } ? height : int.MaxValue;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }

    /// <summary>A console on the standard error, for bars.</summary>
    public IAnsiConsole ErrorConsole() => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(error),
        ColorSystem = surroundings.IsPlain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
    });

    /// <summary>Says on the standard error that a file was written, if results went into one.</summary>
    /// <param name="file">Where results went.</param>
    public void Announce(ResultFile file)
    {
        if (file.WrittenFile is { } name)
        {
            error.WriteLine($"iommukit: wrote {Printable.Of(name)}");
        }
    }
}
