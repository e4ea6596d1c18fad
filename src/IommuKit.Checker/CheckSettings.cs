using IommuKit.Domains;

namespace IommuKit.Checker;

/// <summary>What a checked machine is made of.</summary>
public sealed record CheckSettings
{
    /// <summary>The options of its domains.</summary>
    public required DomainOptions Domain { get; init; }

    /// <summary>The IOVAs of the pages that are looked at, in ascending order.</summary>
    public required IReadOnlyList<ulong> Pages { get; init; }

    /// <summary>Where page tables are.</summary>
    public ulong PoolStart { get; init; } = 0x8000_0000;

    /// <summary>
    /// Where they are on parts with more than 4 GiB of physical addresses: the roots of two domains below that, and all other tables above, so that
    /// the upper halves of addresses differ.
    /// </summary>
    public ulong PoolStartHigh { get; init; } = (1ul << 32) - (2 << 12);

    /// <summary>Bytes of memory for page tables.</summary>
    public ulong PoolBytes { get; init; } = 64 << 10;

    /// <summary>From how many group flushes in a section on a driver for Tegra flushes the section; 0 means never.</summary>
    public int SectionThreshold { get; init; }

    /// <summary>From how many TLB flushes on it flushes the address space; 0 means never.</summary>
    public int AsidThreshold { get; init; }
}
