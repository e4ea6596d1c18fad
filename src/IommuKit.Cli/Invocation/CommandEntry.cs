using System.CommandLine;

namespace IommuKit.Cli.Invocation;

/// <summary>A command as the list of commands shows it. The command itself, with its options, is made when it is asked for: all take a third of a start.</summary>
/// <param name="Name">What the user types.</param>
/// <param name="Description">What it does, in a sentence.</param>
/// <param name="Argument">What its argument is called; null if it has none.</param>
/// <param name="Make">Makes it.</param>
internal sealed record CommandEntry(string Name, string Description, string? Argument, Func<CommandContext, Command> Make)
{
    /// <summary>A command that can be listed, and no more.</summary>
    public Command Outline()
    {
        var outline = new Command(Name, Description);
        if (Argument is not null)
        {
            outline.Arguments.Add(new Argument<string[]>(Argument));
        }

        return outline;
    }
}
