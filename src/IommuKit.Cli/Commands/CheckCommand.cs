using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using IommuKit.Checker;
using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit check</c>: is a flush missing, is one for nothing?</summary>
internal static class CheckCommand
{
    private const int DefaultDepth = 2;
    private const int DefaultSeconds = 10;

    // A hundred years.
    private const double LongestHours = 100 * 365.25 * 24;

    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "check",
        "Find flushes that are missing, or are for nothing, in every driver under every policy. "
            + "It plants bugs first, and trusts itself only if it finds them all.",
        null,
        Create);

    private static Command Create(CommandContext context)
    {
        var iommu = new Option<string[]>("--iommu", "--soc")
        {
            HelpName = "NAME,…",
        };
        context.Describe(
            iommu,
            () => $"What to check: {string.Join(", ", context.Catalog.Targets.Select(target => target.Name))}, all. "
                + "Default: every driver, in one format of its tables; with --load, what that brings.");
        var policy = new Option<string[]>("--policy", "-p")
        {
            Description = $"Flush policies: {string.Join(", ", Enum.GetNames<SyncPolicy>())}, all. Default: all.",
            HelpName = "NAME,…",
        };
        var release = new Option<string[]>("--release")
        {
            Description = $"When tables are given back: {string.Join(", ", Enum.GetNames<TableRelease>())}, all. Default: all.",
            HelpName = "NAME,…",
        };
        var depth = new Option<string?>("--depth")
        {
            Description = $"Run all scenarios of up to this many operations, and all interruptions in them. Default: {DefaultDepth}.",
            HelpName = "N",
        };
        var time = new Option<string?>("--time")
        {
            Description = $"Then run random scenarios for this many seconds; what --depth asks for runs to its end before. Default: {DefaultSeconds}.",
            HelpName = "SECONDS",
        };
        var seed = new Option<string?>("--seed")
        {
            Description = "Where random scenarios start. Default: 1.",
            HelpName = "N",
        };
        var replay = new Option<string?>("--replay")
        {
            Description = "Run this scenario only, as a finding prints it, on one IOMMU under one policy and one release rule.",
            HelpName = "SCENARIO",
        };
        var plant = new Option<string?>("--plant")
        {
            HelpName = "BUG",
        };
        context.Describe(plant, () => $"With --replay, or alone: plant this bug and show how it is found: {string.Join(", ", context.Catalog.Bugs)}.");
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description);
        foreach (Option option in (Option[])[iommu, policy, release, depth, time, seed, replay, plant, LoadOption.Create()])
        {
            command.Options.Add(option);
        }

        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var targets = Choices.Targets(context.Catalog, parsed.GetValue(iommu) is { Length: > 0 } names ? names : null);
            var policies = Choices.Policies(parsed.GetValue(policy) is { Length: > 0 } chosen ? chosen : null);
            var releases = Choices.Releases(parsed.GetValue(release) is { Length: > 0 } rules ? rules : null);
            CheckConfiguration[] configurations = [.. Configurations(targets, policies, releases)];
            var bug = parsed.GetValue(plant) is { } name ? Choices.Bug(context.Catalog, "--plant", name) : null;
            if (parsed.GetValue(replay) is { } scenario)
            {
                return Replay(parsed, context, results, configurations, bug, scenario);
            }

            if (bug is not null)
            {
                return ShowPlanted(parsed, context, results, configurations, bug);
            }

            var options = new CheckOptions
            {
                Configurations = configurations,
                AtEnds = parsed.GetValue(iommu) is { Length: > 0 }
                    ? configurations
                    : [.. Configurations(context.Catalog.DefaultTargetsAtEnds, policies, releases)],
                Depth = parsed.GetValue(depth) is { } limit ? Choices.Number("--depth", limit) : DefaultDepth,
                RandomTime = TimeSpan.FromSeconds(parsed.GetValue(time) is { } seconds ? Choices.Number("--time", seconds) : DefaultSeconds),
                Seed = parsed.GetValue(seed) is { } start ? Choices.Number("--seed", start) : 1,
            };
            if (options is { Depth: 0, RandomTime.Ticks: 0 })
            {
                throw new InputException("check: with --depth 0 and --time 0 nothing is run, and nothing would be found");
            }

            int code = ExitCode.Success;
            results.Collect(parsed, context, [], writer =>
            {
                var result = Run(context, options);
                var needs = result.IsTrustworthy && result.Configurations.Count != 0 ? targets.Select(DirectionNeeds.Of).ToArray() : [];
                code = CodeFor(result);
                CheckOutput.Write(writer, result, needs);
            },
            endsOnInterrupt: false);
            return code;
        });
        return command;
    }

    private static IEnumerable<CheckConfiguration> Configurations(
        IEnumerable<CheckTarget> targets, IReadOnlyList<SyncPolicy> policies, IReadOnlyList<TableRelease> releases) =>
        from target in targets from policy in policies from release in releases select new CheckConfiguration(target, policy, release);

    /// <summary>Checks, until it is done or the user breaks off.</summary>
    private static CheckResult Run(CommandContext context, CheckOptions options)
    {
        using var cancellation = new CancellationTokenSource();
        return Progress.Phases(context, (report, say) =>
        {
            using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, interrupt =>
            {
                interrupt.Cancel = true;
                if (cancellation.IsCancellationRequested)
                {
                    // Who asks a second time does not want to wait for the first.
                    Environment.Exit(ExitCode.Interrupted);
                }

                cancellation.Cancel();
                say("iommukit: check: stopping …");
            });
            return CheckRunner.Run(options with
            {
                Progress = report,
                OnLong = estimate => say($"iommukit: check: {Describe(estimate)}; Ctrl-C ends it and prints what was covered"),
                Cancellation = cancellation.Token,
            });
        },
        endsOnInterrupt: false);
    }

    /// <summary>Says how long a check will take.</summary>
    internal static string Describe(DepthEstimate estimate)
    {
        string depths = estimate.Depth == estimate.LastDepth ? $"depth {estimate.Depth}" : $"depths {estimate.Depth} to {estimate.LastDepth}";
        double hours = estimate.Time.TotalHours;
        string time = hours < 48 ? $"about {Numbers.Count((long)Math.Round(hours), "hour")}"
            : hours < LongestHours ? $"about {Numbers.Count((long)Math.Round(hours / 24), "day")}"
            : "longer than anybody waits";
        return $"{depths} will take {time} here, by the time that depth {estimate.Depth - 1} took";
    }

    private static int CodeFor(CheckResult result)
    {
        if (result.IsInterrupted)
        {
            return ExitCode.Interrupted;
        }

        if (result.Findings.Any())
        {
            // One wrong DMA is enough, whatever else could not be made to happen.
            return result.Findings.Any(finding => finding.IsConfirmed) ? ExitCode.Violation : ExitCode.Inconclusive;
        }

        return CheckAnswer.IsComplete(result) ? ExitCode.Success : ExitCode.Inconclusive;
    }

    /// <summary>Runs one scenario.</summary>
    private static int Replay(
        ParseResult parsed, CommandContext context, ResultOptions results, CheckConfiguration[] configurations, string? bug, string text)
    {
        if (configurations.Length != 1)
        {
            throw new InputException("--replay: name one --iommu, one --policy and one --release, as the finding does");
        }

        if (!CheckCase.TryParse(text, out var operations, out var preemption))
        {
            throw new InputException($"--replay: \"{text}\" is not a scenario; one looks like map:0:40f000+12000:0,unmap:0:40f000+1000");
        }

        if (preemption is { } interruption && !Interleavings.AreIndependent(operations[interruption.Index], operations[interruption.Index + 1]))
        {
            throw new InputException(
                $"--replay: {operations[interruption.Index + 1]} cannot interrupt {operations[interruption.Index]}; two threads may work on two domains, "
                    + "on ranges of one that do not overlap, or attach its device while it changes");
        }

        var configuration = configurations[0].Around(operations);
        if (operations.Any(operation => operation.Size != 0) && !configuration.LooksAt(operations))
        {
            throw new InputException(
                $"--replay: none of the pages that are looked at is in a range of \"{text}\", so nothing could be found; "
                    + $"on {configuration.Target.Name} they are {Pages(configuration.Target)}");
        }

        var scenario = new CheckCase(
            configuration, bug is null ? null : PlantedBugs.Find(configuration.Target, bug), operations, preemption);
        return Show(parsed, context, results, scenario.Run().Violation is { } violation ? CheckFinding.From(scenario, violation) : null);
    }

    private static string Pages(CheckTarget target) => string.Join(
        ", ", target.Layout.Pages.Concat(target.Ends.Pages).Order().Select(page => string.Create(CultureInfo.InvariantCulture, $"0x{page:x}")));

    /// <summary>Plants one bug where it can be, and shows how it is found.</summary>
    private static int ShowPlanted(
        ParseResult parsed, CommandContext context, ResultOptions results, CheckConfiguration[] configurations, string name)
    {
        var (configuration, bug) = configurations
            .Select(configuration => (configuration, PlantedBugs.Of(configuration).FirstOrDefault(bug => bug.Name == name)))
            .FirstOrDefault(pair => pair.Item2 is not null);
        if (bug is null)
        {
            throw new InputException($"--plant: {name} is not possible on what was chosen; other IOMMUs, policies or release rules may have it");
        }

        return Show(parsed, context, results, CheckRunner.FindFirst(configuration, bug, CheckRunner.PlantedDepth));
    }

    private static int Show(ParseResult parsed, CommandContext context, ResultOptions results, CheckFinding? finding)
    {
        results.Collect(parsed, context, [], writer => CheckOutput.Write(writer, finding));
        return finding is null ? ExitCode.Success : finding.IsConfirmed ? ExitCode.Violation : ExitCode.Inconclusive;
    }
}
