using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker;

/// <summary>A kind of IOMMU that can be checked.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Description">What it is, and what its hardware may do.</param>
/// <param name="CanAttach">Whether devices can be attached and detached.</param>
/// <param name="Layout">Which ranges scenarios use.</param>
/// <param name="Ends">Which they use at the ends of the address space.</param>
/// <param name="Create">Builds one.</param>
public sealed record CheckTarget(
    string Name, string Description, bool CanAttach, RangeLayout Layout, EndsLayout Ends, Func<CheckSettings, CheckRig> Create)
{
    /// <summary>Whether walkers see the CPU's stores at once.</summary>
    public bool HasCoherentWalk { get; init; }

    /// <summary>Whether what is not present may be remembered.</summary>
    public bool CachesInvalidEntries { get; init; } = true;

    /// <summary>Whether pointers to tables are remembered by IOVA.</summary>
    public bool HasWalkCache => Tegra is null;

    /// <summary>Whether its format has a bit that says that a pointer to a table is visible to the walker.</summary>
    public bool HasSoftwareBit { get; init; }

    /// <summary>Which Tegra it is; null if it is none.</summary>
    public TegraSoc? Tegra { get; init; }

    /// <summary>Page sizes of its domains; 0 for the smallest only.</summary>
    public ulong PageSizes { get; init; }

    /// <summary>From how many pages on a domain drops everything; 0 means never.</summary>
    public int FlushAllPages { get; init; }

    /// <summary>How many runs of entries a domain under Explicit remembers; 0 for as many as it does by itself.</summary>
    public int ExplicitCapacity { get; init; }

    /// <summary>From how many group flushes in a section on a driver for Tegra flushes the section; 0 means never.</summary>
    public int SectionThreshold { get; init; }

    /// <summary>From how many TLB flushes on it flushes the address space; 0 means never.</summary>
    public int AsidThreshold { get; init; }

    /// <summary>Bytes of memory for page tables: enough for the tables of all ranges in both domains, and few to look at.</summary>
    public ulong PoolBytes { get; init; } = 64 << 10;

    /// <summary>The same where the ends of the address space are looked at, which have tables of all levels to themselves.</summary>
    public ulong PoolBytesAtEnds { get; init; } = 64 << 10;
}
