using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Cli.Runs;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit replay</c>: traces of a real kernel on modelled IOMMUs.</summary>
internal static class ReplayCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "replay",
        "Replay map and unmap events recorded on a real kernel, under every flush policy, and count what it takes.",
        "FILE",
        Create);

    private static Command Create(CommandContext context)
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Traces with the events iommu:map and iommu:unmap: ftrace text, trace.dat, "
                + "or what trace-cmd report and perf script print; plain or gzip. -: the standard input. None with --flows.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var common = new RunOptions(context.Catalog);
        var whatIf = new Option<bool>("--what-if")
        {
            Description = $"One table for each file, of every combination of {string.Join(", ", common.Compared.SkipLast(1))} "
                + $"and {common.Compared[^1]}, which all take several values here (0,64,512), against the first.",
        };
        var bySize = new Option<bool>("--by-size") { Description = "Latencies by the size of the map or unmap." };
        var byCommand = new Option<bool>("--by-command")
        {
            Description = "Commands of the driver by kind and by the pages that they name, beside those that were recorded.",
        };
        var series = new Option<string?>("--series")
        {
            Description = "What happens in each interval of the trace's time: 100ms.",
            HelpName = "DURATION",
        };
        var shard = new Option<string?>("--shard")
        {
            Description = "Do only the I-th of N parts of the work, and write what 'iommukit merge' puts together.",
            HelpName = "I/N",
        };
        var lenient = TraceOptions.Lenient();
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            files,
        };
        common.AddTo(command);
        var device = new DeviceOptions();
        foreach (Option option in (Option[])[whatIf, bySize, byCommand, series, .. device.Options, lenient, shard])
        {
            command.Options.Add(option);
        }

        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string? interval = parsed.GetValue(series);
            var profile = device.ProfileIn(parsed);
            string[] views =
            [
                .. parsed.GetValue(bySize) ? [bySize.Name] : Array.Empty<string>(),
                .. parsed.GetValue(byCommand) ? [byCommand.Name] : Array.Empty<string>(),
                .. interval is not null ? [series.Name] : Array.Empty<string>(),
                .. profile is not null ? [DeviceOptions.Name] : Array.Empty<string>(),
            ];
            if (views.Length > 1)
            {
                throw new InputException($"{views[0]} and {views[1]} exclude each other");
            }

            var part = parsed.GetValue(shard) is { } text ? Shard.Parse(text) : (Shard?)null;
            bool isWhatIf = parsed.GetValue(whatIf);
            string[] traces = parsed.GetValue(files)!;
            if ((traces.Length == 0) != (profile?.Traffic is not null))
            {
                throw new InputException(traces.Length == 0
                    ? $"FILE: name a trace, or traffic by {DeviceOptions.Name} nic and {DeviceOptions.FlowsName} (see 'iommukit replay --help')"
                    : $"{DeviceOptions.FlowsName}: this is in the place of a trace");
            }

            common.DefaultTo(parsed, traces);
            string[] paths = profile?.Traffic is { } traffic ? [DeviceOutput.NameOf(traffic)] : traces;
            var options = new ReplayOptions
            {
                Machines = common.MachinesIn(parsed),
                Policies = common.PoliciesIn(parsed),
                Tunings = isWhatIf ? common.TuningsIn(parsed) : [common.TuningIn(parsed)],
                Costs = common.CostsIn(parsed),
                IsLenient = parsed.GetValue(lenient),
                HasSizes = parsed.GetValue(bySize),
                Device = profile,
                SeriesInterval = interval is null ? 0 : Choices.Duration(series.Name, interval),
            };
            if (paths.Count(path => path == "-") > 1)
            {
                throw new InputException("-: the standard input can be read only once");
            }

            var sweep = new ReplaySweep(paths, options, isWhatIf, parsed.GetValue(byCommand));
            return results.Collect(parsed, context, [.. traces, .. common.FilesIn(parsed)], writer =>
            {
                if (part is { } own)
                {
                    writer.Write((text, format) => ShardFile.Write(text, format, sweep, own, sweep.Run(context, own)));
                }
                else
                {
                    ReplayOutput.Write(writer, sweep.View, sweep.Run(context, new Shard(1, 1)));
                }
            });
        });
        return command;
    }
}
