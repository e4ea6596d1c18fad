using IommuKit.Checker.Scenarios;

namespace IommuKit.Checker;

/// <summary>What a check runs.</summary>
public sealed record CheckOptions
{
    /// <summary>What is checked.</summary>
    public required IReadOnlyList<CheckConfiguration> Configurations { get; init; }

    /// <summary>Where the ends of the address space are checked.</summary>
    public IReadOnlyList<CheckConfiguration> AtEnds { get; init; } = [];

    /// <summary>All scenarios of up to that many operations are run.</summary>
    public int Depth { get; init; } = 3;

    /// <summary>For how long random scenarios are run after that.</summary>
    public TimeSpan RandomTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where random scenarios start.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Operations in a random scenario.</summary>
    public int RandomLength { get; init; } = 40;

    /// <summary>Is told what is being done, and how much of it is done; or null.</summary>
    public Action<string, double>? Progress { get; init; }

    /// <summary>Is told before scenarios of some number of operations that, with all longer ones, take an hour or more; or null.</summary>
    public Action<DepthEstimate>? OnLong { get; init; }

    /// <summary>Ends the check early; the result then has what was covered until then.</summary>
    public CancellationToken Cancellation { get; init; }
}
