using IommuKit.Domains;

namespace IommuKit.Lab.Checker;

/// <summary>What a checked machine is made of.</summary>
public sealed record CheckSettings
{
    /// <summary>What page-table memory is full of at the start: it looks like entries with all rights, in every format.</summary>
    public const byte Garbage = 0xe5;

    /// <summary>The options of its domains.</summary>
    public required DomainOptions Domain { get; init; }

    /// <summary>The IOVAs of the pages that are looked at, in ascending order.</summary>
    public required IReadOnlyList<ulong> Pages { get; init; }

    /// <summary>Where page tables are.</summary>
    public ulong PoolStart { get; init; } = 0x8000_0000;

    /// <summary>Where they are on parts with more than 4 GiB of physical addresses.</summary>
    public ulong PoolStartHigh { get; init; } = 0x1_8000_0000;

    /// <summary>Bytes of memory for page tables.</summary>
    public ulong PoolBytes { get; init; } = 64 << 10;

    /// <summary>Bytes of IOVA from one TLB group flush of the driver to the next; 0 for the driver's choice.</summary>
    public int TlbStep { get; init; }
}
