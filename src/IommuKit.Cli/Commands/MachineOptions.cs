using System.CommandLine;
using IommuKit.Lab;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say how drivers are tuned.</summary>
internal sealed class MachineOptions
{
    private readonly Option<string?> _tlbStep = new("--tlb-step")
    {
        Description = "IOVA that one TLB group flush covers: 16K or 32K on Tegra. Default: what the hardware most likely has.",
        HelpName = "SIZE",
    };

    private readonly Option<int> _sectionThreshold = new("--section-threshold")
    {
        Description = "From this many group flushes in a 4 MiB section on, flush the section instead. 0: never.",
        HelpName = "GROUPS",
    };

    private readonly Option<int> _asidThreshold = new("--asid-threshold")
    {
        Description = "From this many TLB flushes on, flush the address space instead. 0: never.",
        HelpName = "FLUSHES",
    };

    private readonly Option<bool> _sections = new("--sections")
    {
        Description = "Map with superpages (4 MiB sections on Tegra) where possible; Linux does not.",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_tlbStep);
        command.Options.Add(_sectionThreshold);
        command.Options.Add(_asidThreshold);
        command.Options.Add(_sections);
    }

    /// <summary>The settings that were asked for.</summary>
    public MachineSettings In(ParseResult parsed) => new()
    {
        TlbStep = parsed.GetValue(_tlbStep) is { } step ? TlbStep(step) : 0,
        SectionThreshold = NotNegative(_sectionThreshold, parsed),
        AsidThreshold = NotNegative(_asidThreshold, parsed),
        UsesSections = parsed.GetValue(_sections),
    };

    private static int TlbStep(string text)
    {
        ulong step;
        try
        {
            step = ByteSize.Parse(text);
        }
        catch (InputException e)
        {
            throw new InputException($"--tlb-step: {e.Message}", e);
        }

        return step is 16 << 10 or 32 << 10 ? (int)step : throw new InputException($"--tlb-step: \"{text}\" is neither 16K nor 32K");
    }

    private static int NotNegative(Option<int> option, ParseResult parsed) =>
        parsed.GetValue(option) is >= 0 and int value ? value : throw new InputException($"{option.Name}: the value cannot be negative");
}
