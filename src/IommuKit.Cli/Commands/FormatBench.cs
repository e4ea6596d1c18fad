using System.CommandLine;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.HostTime;
using IommuKit.Cli.Output;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit bench --format … --host-time</c>: the nanoseconds of page-table operations, format by format.</summary>
internal sealed class FormatBench
{
    private readonly Option<string[]> _format = new("--format")
    {
        Description = "With --host-time: measure page-table operations in these formats, or all, instead of an IOMMU's driver.",
        HelpName = "NAME,…",
    };

    private readonly Option<string?> _threads = new("--threads")
    {
        Description = "With --format: the most threads on disjoint ranges. Default: one for each processor.",
        HelpName = "N",
    };

    /// <summary>Adds the options to the command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_format);
        command.Options.Add(_threads);
    }

    /// <summary>Whether formats are to be measured.</summary>
    public bool IsAskedForIn(ParseResult parsed)
    {
        if (parsed.GetResult(_format) is not null)
        {
            return true;
        }

        if (parsed.GetResult(_threads) is not null)
        {
            throw new InputException("--threads: this is for measuring formats; name some with --format");
        }

        return false;
    }

    /// <summary>Measures, and writes the results.</summary>
    public int Run(CommandContext context, ParseResult parsed, Option<bool> hostTime, ResultOptions results)
    {
        if (!parsed.GetValue(hostTime))
        {
            throw new InputException("--format: formats are measured on this host, not modelled; add --host-time");
        }

        Option[] allowed = [_format, _threads, hostTime, .. results.Options];
        var others = parsed.CommandResult.Command.Options.Except(allowed);
        if (others.FirstOrDefault(option => option.Name != ExtensionLoader.Option && parsed.GetResult(option) is { Implicit: false }) is { } other)
        {
            throw new InputException($"{other.Name}: this does not go together with --format, which measures page tables without an IOMMU");
        }

        var options = new FormatBenchOptions { Formats = Choices.Formats(context.Catalog, parsed.GetValue(_format)!) };
        if (parsed.GetValue(_threads) is { } text)
        {
            int threads = Choices.Number(_threads.Name, text);
            options = threads is >= 1 and <= FormatBenchOptions.MaxThreads
                ? options with { Threads = threads }
                : throw new InputException($"--threads: {threads} is not between 1 and {FormatBenchOptions.MaxThreads}");
        }

        return results.Collect(parsed, context, [], writer =>
        {
            var rows = Progress.Collect(context, "bench --format", FormatBenchRunner.RowCount(options), FormatBenchRunner.Run(options));
            writer.Write(
                [.. rows.Select(row => new FormatBenchRecord(row))],
                (console, isMarkdown) => FormatBenchTable.Write(console, rows, isMarkdown));
        });
    }
}
