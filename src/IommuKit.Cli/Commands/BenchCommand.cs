using System.CommandLine;
using IommuKit.Cli.HostTime;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit bench</c>: the table of the 2015 proposal, from modelled hardware or from our own code's host time.</summary>
internal static class BenchCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "bench",
        "Map and unmap as the 2015 proposal did, under every flush policy, and count what it takes.",
        null,
        Create);

    /// <summary>The option that has code of this host measured.</summary>
    public const string HostTimeOption = "--host-time";

    private static Command Create(CommandContext context)
    {
        var size = new Option<string[]>("--size", "-s")
        {
            Description = "Sizes to map and unmap, with K, M or G (1.5M is one); several with commas. Default: the proposal's 128K,4M,18M.",
            HelpName = "SIZE,…",
        };
        var layout = Choice("--layout", "How the 4 KiB entries of the scatter list lie in physical memory.", BenchLayout.Scattered);
        var tables = Choice("--tables", "Whether page tables exist before and stay, or are made and given back.", BenchTables.Existing);
        var common = new RunOptions(context.Catalog);
        var hostTime = new Option<bool>(HostTimeOption)
        {
            Description = "Measure the nanoseconds of IommuKit's own code on this host instead of counting operations.",
        };
        var formats = new FormatBench();
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            size,
        };
        common.AddTo(command);
        command.Options.Add(layout);
        command.Options.Add(tables);
        command.Options.Add(hostTime);
        formats.AddTo(command);
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            if (formats.IsAskedForIn(parsed))
            {
                return formats.Run(context, parsed, hostTime, results);
            }

            if (parsed.GetValue(hostTime) && common.FilesIn(parsed).Any())
            {
                throw new InputException($"--costs: these are for virtual time; {HostTimeOption} measures");
            }

            var options = new BenchOptions
            {
                Machines = common.MachinesIn(parsed),
                Policies = common.PoliciesIn(parsed),
                Sizes = parsed.GetValue(size) is { Length: > 0 } sizes ? Sizes(size.Name, sizes) : BenchOptions.SeedSizes,
                Layout = Choices.One<BenchLayout>(layout.Name, parsed.GetValue(layout)!),
                Tables = Choices.One<BenchTables>(tables.Name, parsed.GetValue(tables)!),
                FlushAllPages = common.FlushAllIn(parsed),
                Settings = common.SettingsIn(parsed),
                Costs = common.CostsIn(parsed),
            };
            options = context.Catalog.WithBounds(options);
            return results.Collect(parsed, context, common.FilesIn(parsed), writer =>
            {
                if (parsed.GetValue(hostTime))
                {
                    WriteHostTime(context, writer, options);
                }
                else
                {
                    Write(context, writer, options);
                }
            });
        });
        return command;
    }

    private static IReadOnlyList<ulong> Sizes(string option, string[] values)
    {
        var sizes = Choices.Sizes(option, values);
        return sizes.FirstOrDefault(size => size % SmallPage.Bytes != 0) is > 0 and ulong odd
            ? throw new InputException($"{option}: {ByteSize.Format(odd)} is not a multiple of the page size, {ByteSize.Format(SmallPage.Bytes)}")
            : sizes;
    }

    private static Option<string> Choice<T>(string name, string description, T standard)
        where T : struct, Enum => new(name)
        {
            Description = description,
            HelpName = string.Join('|', Enum.GetValues<T>().Select(Names.Of)),
            DefaultValueFactory = _ => Names.Of(standard),
        };

    private static void Write(CommandContext context, Results results, BenchOptions options)
    {
        var rows = Progress.Collect(context, "bench", RowCount(options), BenchRunner.Run(options));
        BenchOutput.Write(results, rows, options);
    }

    private static void WriteHostTime(CommandContext context, Results results, BenchOptions options)
    {
        var rows = Progress.Collect(context, $"bench {HostTimeOption}", RowCount(options), HostTimeRunner.Run(options));
        HostTimeOutput.Write(results, rows, options);
    }

    private static int RowCount(BenchOptions options) =>
        options.Machines.Count * options.Policies.Count * options.Sizes.Count * Enum.GetValues<MappingOperation>().Length;
}
