using System.CommandLine;
using IommuKit.Analysis.Explain;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit explain</c>: what the gain of one policy over another is due to.</summary>
internal static class ExplainCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "explain",
        "Split the gain of one flush policy over another among its causes, with how sure that is and what would settle it.",
        "TRACE",
        Create);

    private static Command Create(CommandContext context)
    {
        var trace = new Argument<string?>("TRACE")
        {
            Description = "Explain the maps and unmaps of this trace instead of sizes. -: the standard input.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var from = Policy("--from", "The policy that is compared with", SyncPolicy.PerPage);
        var to = Policy("--to", $"The policy whose gain is explained (of a trace {SyncPolicy.Gather} if none is named)", SyncPolicy.RangeFlush);
        var size = new Option<string[]>("--size", "-s")
        {
            Description = "Sizes to map and unmap; several with commas. Default: the proposal's 128K,4M,18M.",
            HelpName = "SIZE,…",
        };
        var details = new Option<bool>("--details")
        {
            Description = "Also the whole tables by cause and by operation.",
        };
        var lenient = TraceOptions.Lenient();
        var source = new CostSource(context.Catalog);
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            trace, from, to, size, details, lenient,
        };
        source.AddTo(command);
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var fromPolicy = Choices.One<SyncPolicy>(from.Name, parsed.GetValue(from)!);
            var toPolicy = Choices.One<SyncPolicy>(to.Name, parsed.GetValue(to)!);
            string? file = parsed.GetValue(trace);
            if (file is not null && parsed.GetResult(to) is not { Implicit: false })
            {
                // The proposal's flush does not know whether it is of a map, which kernels of today do.
                toPolicy = fromPolicy == SyncPolicy.Gather ? SyncPolicy.PerPage : SyncPolicy.Gather;
            }

            if (fromPolicy == toPolicy)
            {
                throw new InputException($"--to: {toPolicy} against itself gains nothing; choose two policies");
            }

            var sizes = parsed.GetValue(size) is { Length: > 0 } values ? Choices.Sizes(size.Name, values) : BenchOptions.SeedSizes;
            if (file is not null && parsed.GetResult(size) is not null)
            {
                throw new InputException("--size: a trace has sizes of its own");
            }

            if (file is null && parsed.GetValue(lenient))
            {
                throw new InputException($"{lenient.Name}: this is for a trace; name one");
            }

            var (kind, tuning) = source.MachineIn(parsed, file is null ? [] : [file]);
            var costs = source.CostsIn(parsed, kind);
            IEnumerable<string> inputs = [.. source.FilesIn(parsed), .. file is null ? Array.Empty<string>() : [file]];
            return results.Collect(parsed, context, inputs, writer =>
            {
                var calibration = costs.Given is null ? Progress.Phases(context, costs.Fit) : null;
                ReplayResult? replay = null;
                var workloads = file is null
                    ? Progress.Collect(
                        context, "explain", 2 * sizes.Count, sizes.SelectMany(bytes => SizeWorkloads.Run(kind, fromPolicy, toPolicy, bytes)))
                    : [Progress.Read(context, file, onRead => RunTrace(file, onRead))];
                var explanation = new Explanation(workloads, costs.Take(calibration), calibration);
                var today = file is null && source.IsOfProposal(parsed)
                    ? OnOtherMachine.Of(context.Catalog.Machines, fromPolicy, toPolicy, explanation.Headline.Workload)
                    : [];
                var view = new ExplainView(kind, fromPolicy, toPolicy, explanation, replay, parsed.GetValue(details), today);
                view.Write(writer);

                Workload RunTrace(string path, Action<long>? onRead)
                {
                    (var work, replay) = TraceWorkload.Run(path, kind, fromPolicy, toPolicy, parsed.GetValue(lenient), onRead, tuning);
                    return work;
                }
            });
        });
        return command;
    }

    private static Option<string> Policy(string name, string description, SyncPolicy standard) => new(name)
    {
        Description = $"{description}: {string.Join(", ", Enum.GetNames<SyncPolicy>())}.",
        HelpName = "NAME",
        DefaultValueFactory = _ => standard.ToString(),
    };
}
