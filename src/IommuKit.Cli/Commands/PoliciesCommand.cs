using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Seed;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit policies</c>: what each flush policy does, promises and costs.</summary>
internal static class PoliciesCommand
{
    private const ulong ExampleBytes = 4 << 20;

    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "policies",
        "What each flush policy does, promises and costs, in plain words.",
        null,
        Create);

    private static Command Create(CommandContext context)
    {
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description);
        results.AddTo(command);
        command.SetAction(parsed => results.Collect(parsed, context, [], writer =>
        {
            var options = new BenchOptions { Machines = [MachineCatalog.Find(SeedTable.Machine)!], Sizes = [ExampleBytes] };
            var unmaps = BenchRunner.Run(options).Where(row => row.Operation == MappingOperation.Unmap).ToDictionary(row => row.Policy);
            PoliciesOutput.Write(writer, [.. PolicyGuide.All.Select(guide => new PolicyExample(guide, unmaps[guide.Policy]))]);
        }));
        return command;
    }
}
