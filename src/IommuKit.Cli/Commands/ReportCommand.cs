using System.CommandLine;
using IommuKit.Checker.Scenarios;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Cli.Output.Report;
using IommuKit.Domains;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit report</c>: a page about traces, or about the proposal of 2015, as one HTML file.</summary>
internal static class ReportCommand
{
    // Longer ones are no titles, and would fill the page.
    private const int MaxTitle = 200;

    private static readonly string[] OtherForms = [".json", ".jsonl", ".csv", ".md", ".txt", ".pdf"];

    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "report",
        "Write one HTML file that opens anywhere: what a trace says about its flushes, when, at what price they could be fewer, "
            + "and what is wrong. Without a trace: the proposal's table, what the gain is due to, flushes against the bound.",
        "TRACE",
        Create);

    private static Command Create(CommandContext context)
    {
        var traces = new Argument<string[]>("TRACE")
        {
            Description = "Traces of a real kernel: ftrace text, trace.dat, or what trace-cmd report and perf script print; plain or gzip. "
                + "Without one the report is about the proposal of 2015.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "Write the HTML to this file, when everything is done. Default: the standard output, if that is no terminal.",
            HelpName = "FILE",
        };
        var title = new Option<string?>("--title")
        {
            Description = "The heading of the report. Default: the name of the trace, or the question of 2015.",
            HelpName = "TEXT",
        };
        var policy = new Option<string[]>("--policy", "-p")
        {
            Description = $"Flush policies: {string.Join(", ", Enum.GetNames<SyncPolicy>())}, all. Default: all.",
            HelpName = "NAME,…",
        };
        var check = new Option<bool>("--check")
        {
            Description = "Check the driver too: planted bugs, then all scenarios of up to two operations.",
        };
        var log = TraceOptions.Log();
        var lenient = TraceOptions.Lenient();
        var source = new CostSource(context.Catalog);
        var command = new Command(Entry.Name, Entry.Description)
        {
            traces, output, title, policy, check, log, lenient,
        };
        source.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] files = parsed.GetValue(traces)!;
            var (kind, tuning) = source.MachineIn(parsed, files);
            if (kind.HasQueue && files.Length == 0)
            {
                throw new InputException(
                    $"--iommu: {kind.Name} takes commands from a queue, and a report without a trace is about the proposal of 2015 and its registers; "
                    + "'explain' and 'bench' can run it");
            }

            var costs = source.CostsIn(parsed, kind);
            CheckTraces(files, parsed.GetValue(log), parsed.GetValue(lenient));
            string? heading = parsed.GetValue(title);
            if (heading?.Trim().Length is 0 or > MaxTitle)
            {
                throw new InputException($"{title.Name}: a title has 1 to {MaxTitle} characters");
            }

            string? name = parsed.GetValue(output);
            if (name is not null && Array.Exists(OtherForms, form => name.EndsWith(form, StringComparison.OrdinalIgnoreCase)))
            {
                throw new InputException(
                    $"{output.Name}: {name}: a report is HTML; the verdict has other forms too ('iommukit TRACE --help'), and its numbers are the report's");
            }

            if (name is null && context.IsTerminal)
            {
                throw new InputException($"report: HTML is not for a terminal; name a file with {output.Name}");
            }

            CheckTarget? target = null;
            if (parsed.GetValue(check))
            {
                target = context.Catalog.FindTarget(kind.Name) ?? throw new InputException(
                    $"{check.Name}: nothing is known of {kind.Name} to check it by; 'iommukit check --help' lists what can be checked, which --iommu takes here");
            }

            var request = new ReportRequest(
                kind,
                Choices.Policies(parsed.GetValue(policy) is { Length: > 0 } names ? names : null),
                files,
                costs,
                target,
                parsed.GetValue(log),
                parsed.GetValue(lenient),
                source.NamesMachine(parsed))
            {
                Tuning = tuning,
            };
            IEnumerable<string> inputs = [.. files, .. new[] { request.Log }.OfType<string>(), .. source.FilesIn(parsed)];
            using var file = ResultFile.Open(name, context.Output, inputs);
            var run = Progress.Phases(context, report => ReportRun.Run(request, report));
            new Results(context, file, OutputFormat.Table).Write((writer, _) => ReportView.Write(writer, heading, run));
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>A trace is read once for its replay and again for its audit, which takes a file.</summary>
    private static void CheckTraces(string[] files, string? log, bool isLenient)
    {
        if (files.Length == 0 && (log is not null || isLenient))
        {
            throw new InputException($"{(log is null ? "--lenient" : "--log")}: this is for a report about a trace; name one");
        }

        if (log is not null && files.Length > 1)
        {
            throw new InputException("--log goes with one trace: that of the same run");
        }

        if (files.FirstOrDefault(file => file == "-" || FileIdentity.Of(file) is { IsRegular: false } && !Directory.Exists(file)) is { } stream)
        {
            throw new InputException($"{stream}: can be read only once, and a report reads traces several times; save it to a file first");
        }
    }
}
