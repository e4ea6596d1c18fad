using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit models</c>: what hardware there is.</summary>
internal static class ModelsCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "models",
        "List the IOMMUs that are modelled, with the traits that decide what a flush must do.",
        null,
        Create);

    private static Command Create(CommandContext context)
    {
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description);
        command.Options.Add(LoadOption.Create());
        results.AddTo(command);
        command.SetAction(parsed => results.Collect(parsed, context, [], writer =>
            ModelsOutput.Write(writer, [.. context.Catalog.Machines.Select(Describe)])));
        return command;
    }

    private static Model Describe(IommuKind kind)
    {
        using var machine = kind.Create(new MachineSettings());
        return new Model(kind, machine.Driver.Traits, machine.Driver.Devices.Count);
    }
}
