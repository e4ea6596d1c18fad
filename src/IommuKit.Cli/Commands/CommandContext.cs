using Spectre.Console;

namespace IommuKit.Cli.Commands;

/// <summary>Where a command writes.</summary>
internal sealed class CommandContext(TextWriter output, TextWriter error, bool isInteractive)
{
    // Wide enough that no table wraps when nobody's window sets the width.
    private const int FileWidth = 200;

    /// <summary>Results.</summary>
    public TextWriter Output => output;

    /// <summary>Complaints and progress.</summary>
    public TextWriter Error => error;

    /// <summary>Whether somebody is looking.</summary>
    public bool IsInteractive => isInteractive;

    /// <summary>A console that writes tables to <paramref name="writer"/>.</summary>
    public IAnsiConsole ConsoleFor(TextWriter writer)
    {
        bool isTerminal = isInteractive && ReferenceEquals(writer, output);
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = isTerminal ? Math.Max(console.Profile.Width, 100) : FileWidth;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
