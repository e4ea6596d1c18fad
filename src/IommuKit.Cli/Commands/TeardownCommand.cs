using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Teardown;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit teardown</c>: what it takes to take a guest's memory away from its devices.</summary>
internal static class TeardownCommand
{
    private const string Usual = "256M";

    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "teardown",
        "Map a guest's memory and take it away page by page, by range, and by address space: commands, virtual time, and the time of our model.",
        null,
        Create);

    private static Command Create(CommandContext context)
    {
        var size = new Option<string>("--size", "-s")
        {
            Description = $"The guest's memory, with K, M, G or T. Default: {Usual}.",
            HelpName = "SIZE",
            DefaultValueFactory = _ => Usual,
        };
        var pages = new Option<string[]>("--pages")
        {
            Description = "Sizes of the pages that it is mapped with, each by itself. Default: 4K,2M,1G, as far as the IOMMU has them.",
            HelpName = "SIZE,…",
        };
        var ways = new Option<string[]>("--by")
        {
            Description = $"Ways of tearing it down: {string.Join(", ", Enum.GetValues<TeardownWay>().Select(Names.Of))}. Default: all.",
            HelpName = "WAY,…",
        };
        var common = new RunOptions(context.Catalog);
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            size,
            pages,
            ways,
        };
        common.AddTo(command);
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = new TeardownOptions
            {
                Machines = common.MachinesIn(parsed),
                Policies = common.PoliciesIn(parsed),
                Size = Choices.Size(size.Name, parsed.GetValue(size)!),
                FlushAllPages = common.FlushAllIn(parsed),
                Settings = common.SettingsIn(parsed),
                Costs = common.CostsIn(parsed),
            };
            options = options with
            {
                PageSizes = parsed.GetValue(pages) is { Length: > 0 } sizes ? PageSizes(pages.Name, sizes) : options.PageSizes,
                Ways = parsed.GetValue(ways) is { Length: > 0 } names ? Ways(ways.Name, names) : options.Ways,
            };
            return results.Collect(parsed, context, common.FilesIn(parsed), writer =>
                TeardownOutput.Write(writer, Progress.Phases(context, report => TeardownRunner.Run(options, report)), options));
        });
        return command;
    }

    private static IReadOnlyList<ulong> PageSizes(string option, string[] values)
    {
        var sizes = Choices.Sizes(option, values);
        return sizes.FirstOrDefault(size => !ulong.IsPow2(size) || size < SmallPage.Bytes) is > 0 and ulong odd
            ? throw new InputException($"{option}: {ByteSize.Format(odd)} is no size of a page")
            : sizes;
    }

    private static IReadOnlyList<TeardownWay> Ways(string option, string[] values) =>
    [
        .. values.SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries))
            .Select(name => Choices.One<TeardownWay>(option, name))
            .Distinct(),
    ];
}
