using IommuKit.Checker.Rigs;

namespace IommuKit.Checker.Scenarios;

/// <summary>A defect that is put between a driver and its hardware, to see whether the checker finds it.</summary>
/// <param name="Name">The name by which it can be asked for.</param>
/// <param name="Description">What the driver then does wrong.</param>
/// <param name="Reference">The real bug of this kind: its number in docs/checker.md.</param>
/// <param name="Expected">What the checker may call it; the first is the best name.</param>
/// <param name="AppliesTo">Whether the defect is possible in a configuration.</param>
/// <param name="Create">Makes one for a run.</param>
public sealed record PlantedBug(
    string Name,
    string Description,
    string Reference,
    IReadOnlyList<Verdict> Expected,
    Func<CheckConfiguration, bool> AppliesTo,
    Func<CheckRig, ScenarioRun, Sabotage> Create)
{
    /// <summary>Whether it only shows when an operation is interrupted by another thread's.</summary>
    public bool NeedsTwoThreads { get; init; }

    /// <summary>Whether it is in accesses of registers that invalidate, so that a driver that does so by commands in a queue cannot have it.</summary>
    public bool IsOfRegisters { get; init; }

    /// <summary>Whether it shows in <see cref="FollowUps"/> only, and not in all scenarios of a few operations.</summary>
    public bool ShowsInFollowUps { get; init; }
}
