using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;

namespace IommuKit.Checker;

/// <summary>What was done with one configuration.</summary>
/// <param name="configuration">The configuration.</param>
public sealed class ConfigurationResult(CheckConfiguration configuration)
{
    /// <summary>The configuration.</summary>
    public CheckConfiguration Configuration => configuration;

    /// <summary>Scenarios that were run because all of their length were.</summary>
    public long Sequences { get; internal set; }

    /// <summary>Scenarios in which one operation is interrupted by another thread's.</summary>
    public long Interleavings { get; internal set; }

    /// <summary>Random scenarios.</summary>
    public long RandomScenarios { get; internal set; }

    /// <summary>Operations in all of them.</summary>
    public long Operations { get; internal set; }

    /// <summary>Accesses to the hardware that were checked.</summary>
    public long Steps { get; internal set; }

    /// <summary>Scenarios that the checker could not follow to their end.</summary>
    public long Exhausted { get; internal set; }

    /// <summary>The first wrong answer, or null.</summary>
    public CheckFinding? Finding { get; internal set; }

    /// <summary>Maintenance that was for nothing.</summary>
    public WasteCounts Waste { get; } = new();

    /// <summary>The least maintenance that would have done for the same.</summary>
    public LeastWork Least { get; internal set; }
}
