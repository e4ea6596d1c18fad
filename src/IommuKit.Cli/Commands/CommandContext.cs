using Spectre.Console;

namespace IommuKit.Cli.Commands;

/// <summary>Where a command writes.</summary>
/// <param name="output">Results.</param>
/// <param name="error">Complaints and progress.</param>
/// <param name="isInteractive">Whether somebody is looking, so that progress makes sense.</param>
/// <param name="terminalWidth">Columns of the terminal that results go to; null if they go to a file or pipe.</param>
internal sealed class CommandContext(TextWriter output, TextWriter error, bool isInteractive, int? terminalWidth)
{
    // Nothing wraps where no window sets the width.
    private const int FileWidth = 4096;

    // What terminals have that do not know their width.
    private const int UsualWidth = 80;

    /// <summary>Results.</summary>
    public TextWriter Output => output;

    /// <summary>Complaints and progress.</summary>
    public TextWriter Error => error;

    /// <summary>Whether somebody is looking.</summary>
    public bool IsInteractive => isInteractive;

    /// <summary>Whether results go to a terminal.</summary>
    public bool IsTerminal => terminalWidth is not null;

    /// <summary>A console that writes tables to <paramref name="writer"/>.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="isMarkdown">Whether it is for another program, and so never depends on the terminal.</param>
    public IAnsiConsole ConsoleFor(TextWriter writer, bool isMarkdown)
    {
        bool isTerminal = terminalWidth is not null && ReferenceEquals(writer, output) && !isMarkdown;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal && isInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = isTerminal ? (terminalWidth is > 0 and int width ? width : UsualWidth) : FileWidth;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
