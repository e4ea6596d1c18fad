using System.CommandLine;

namespace IommuKit.Cli.Commands;

internal static class ReplayCommand
{
    public static Command Create(CommandContext context) => new("replay");
}
