using System.CommandLine;

namespace IommuKit.Cli.Commands;

internal static class ModelsCommand
{
    public static Command Create(CommandContext context) => new("models");
}
