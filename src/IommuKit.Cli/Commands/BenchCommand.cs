using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit bench</c>: the table of the 2015 proposal, from modelled hardware or from our own code's host time.</summary>
internal static class BenchCommand
{
    public static Command Create(CommandContext context)
    {
        var size = new Option<string[]>("--size", "-s")
        {
            Description = "Sizes to map and unmap, with K, M or G; several with commas. Default: the proposal's 128K,4M,18M.",
            HelpName = "SIZE,…",
        };
        var iommu = new Option<string[]>("--iommu", "--soc")
        {
            Description = $"IOMMUs: {string.Join(", ", MachineCatalog.All.Select(kind => kind.Name))}, all. Default: {SeedTable.Machine}.",
            HelpName = "NAME,…",
        };
        var policy = new Option<string[]>("--policy", "-p")
        {
            Description = "Flush policies: PerPage, RangeFlush, SplitSync, Gather, Deferred, Explicit, all. Default: all.",
            HelpName = "NAME,…",
        };
        var layout = new Option<BenchLayout>("--layout")
        {
            Description = "How the 4 KiB entries of the scatter list lie in physical memory.",
            DefaultValueFactory = _ => BenchLayout.Scattered,
        };
        var tables = new Option<BenchTables>("--tables")
        {
            Description = "Whether page tables exist before and stay, or are made and given back.",
            DefaultValueFactory = _ => BenchTables.Existing,
        };
        var settings = new MachineOptions();
        var flushAll = new Option<int>("--flush-all")
        {
            Description = "From this many pages on, flush everything instead of ranges. 0: never.",
            HelpName = "PAGES",
        };
        var costs = new Option<FileInfo?>("--costs")
        {
            Description = "What operations cost, for virtual time (format: docs/json.md). Default: the built-in tegra210-2015.",
            HelpName = "FILE",
        };
        var hostTime = new Option<bool>("--host-time")
        {
            Description = "Measure the nanoseconds of IommuKit's own code on this host instead of counting operations.",
        };
        var results = new ResultOptions();
        var command = new Command("bench", "Map and unmap as the 2015 proposal did, under every flush policy, and count what it takes.")
        {
            size, iommu, policy, layout, tables, flushAll, costs, hostTime,
        };
        settings.AddTo(command);
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = new BenchOptions
            {
                Machines = Choices.Machines(parsed.GetValue(iommu) is { Length: > 0 } names ? names : [SeedTable.Machine]),
                Policies = Choices.Policies(parsed.GetValue(policy) is { Length: > 0 } policies ? policies : null),
                Sizes = Choices.Sizes(parsed.GetValue(size)) ?? BenchOptions.SeedSizes,
                Layout = parsed.GetValue(layout),
                Tables = parsed.GetValue(tables),
                FlushAllPages = parsed.GetValue(flushAll) is >= 0 and int pages
                    ? pages
                    : throw new InputException("--flush-all: the number of pages cannot be negative"),
                Settings = settings.In(parsed),
                Costs = parsed.GetValue(costs) is { } file ? CostFile.Load(file.ToString()) : CostFile.Default,
            };
            var format = results.FormatIn(parsed);
            using var result = results.Open(parsed, context);
            if (parsed.GetValue(hostTime))
            {
                WriteHostTime(context, result, format, options);
            }
            else
            {
                Write(context, result, format, options);
            }

            result.Commit();
            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(CommandContext context, ResultFile result, OutputFormat format, BenchOptions options)
    {
        int total = options.Machines.Count * options.Policies.Count * options.Sizes.Count * 2;
        var rows = Progress.Collect(context, "bench", total, BenchRunner.Run(options));
        switch (format)
        {
            case OutputFormat.Json:
                Records.WriteJsonArray(result.Writer, [.. rows.Select(row => new BenchRecord(row, options))]);
                break;
            case OutputFormat.Csv:
                Records.WriteCsv(result.Writer, [.. rows.Select(row => new BenchRecord(row, options))]);
                break;
            default:
                BenchTable.Write(context.ConsoleFor(result.Writer), rows, options, format == OutputFormat.Markdown);
                break;
        }
    }

    private static void WriteHostTime(CommandContext context, ResultFile result, OutputFormat format, BenchOptions options)
    {
        int total = options.Machines.Count * options.Policies.Count * options.Sizes.Count * 2;
        var rows = Progress.Collect(context, "bench --host-time", total, HostTimeRunner.Run(options));
        switch (format)
        {
            case OutputFormat.Json:
                Records.WriteJsonArray(result.Writer, [.. rows.Select(row => new HostTimeRecord(row, options))]);
                break;
            case OutputFormat.Csv:
                Records.WriteCsv(result.Writer, [.. rows.Select(row => new HostTimeRecord(row, options))]);
                break;
            default:
                HostTimeTable.Write(context.ConsoleFor(result.Writer), rows, format == OutputFormat.Markdown);
                break;
        }
    }
}
