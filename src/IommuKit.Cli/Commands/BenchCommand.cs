using System.CommandLine;
using IommuKit.Cli.Output;
using IommuKit.Lab.Bench;

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
        var common = new RunOptions();
        var hostTime = new Option<bool>("--host-time")
        {
            Description = "Measure the nanoseconds of IommuKit's own code on this host instead of counting operations.",
        };
        var formats = new FormatBench();
        var results = new ResultOptions();
        var command = new Command("bench", "Map and unmap as the 2015 proposal did, under every flush policy, and count what it takes.")
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

            var options = new BenchOptions
            {
                Machines = common.MachinesIn(parsed),
                Policies = common.PoliciesIn(parsed),
                Sizes = parsed.GetValue(size) is { Length: > 0 } sizes ? Choices.Sizes(size.Name, sizes) : BenchOptions.SeedSizes,
                Layout = parsed.GetValue(layout),
                Tables = parsed.GetValue(tables),
                FlushAllPages = common.FlushAllIn(parsed),
                Settings = common.SettingsIn(parsed),
                Costs = common.CostsIn(parsed),
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
