using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit models</c>: what hardware there is.</summary>
internal static class ModelsCommand
{
    public static Command Create(CommandContext context)
    {
        var results = new ResultOptions();
        var command = new Command("models", "List the IOMMUs that are modelled, with the traits that decide what a flush must do.");
        command.Options.Add(LoadOption.Create());
        results.AddTo(command);
        command.SetAction(parsed => results.Collect(parsed, context, [], writer =>
        {
            ModelRecord[] records = [.. context.Catalog.Machines.Select(Describe)];
            writer.Write(records, (console, isMarkdown) => ModelsTable.Write(console, records, isMarkdown));
        }));
        return command;
    }

    private static ModelRecord Describe(IommuKind kind)
    {
        using var machine = kind.Create(new MachineSettings());
        return new ModelRecord(kind, machine.Driver.Traits, machine.Driver.Devices.Count);
    }
}
