using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Rigs;

/// <summary>What a checked machine is made of.</summary>
public sealed record CheckSettings
{
    /// <summary>The options of its domains.</summary>
    public required DomainOptions Domain { get; init; }

    /// <summary>The IOVAs of the pages that are looked at, in ascending order.</summary>
    public required IReadOnlyList<ulong> Pages { get; init; }

    /// <summary>Bytes of memory for page tables.</summary>
    public ulong PoolBytes { get; init; } = 64 << 10;

    /// <summary>What is tuned about the driver.</summary>
    public TuningValues Tuning { get; init; } = TuningValues.None;
}
