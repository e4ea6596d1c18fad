using IommuKit.PageTables;

namespace IommuKit.Drivers.Tegra;

/// <summary>What can be tuned about the Tegra driver.</summary>
public sealed record TegraDriverOptions
{
    /// <summary>
    /// Bytes of IOVA from one TLB group flush to the next: 16 or 32 KiB. 0 means the size that the SoC most likely has. A step above the
    /// hardware's group leaves stale translations; a step below it only costs.
    /// </summary>
    public int TlbStep { get; init; }

    /// <summary>
    /// From how many groups of one 4 MiB section on a flush of the whole section replaces them. It also drops the section's other
    /// translations. 0 means never.
    /// </summary>
    public int SectionThreshold { get; init; }

    /// <summary>From how many flushes of groups or sections on a flush of the whole address space replaces them; 0 means never.</summary>
    public int AsidThreshold { get; init; }

    /// <summary>Whether the driver has a range flush. Without it, a domain that asks for one works page by page.</summary>
    public bool HasRangeFlush { get; init; } = true;

    /// <summary>Whether domains map with 4 MiB sections where they can. The driver in Linux never does.</summary>
    public bool UsesSections { get; init; }

    /// <summary>When unmaps give page tables back. The driver in Linux does when the last entry goes.</summary>
    public TableRelease Release { get; init; } = TableRelease.WhenEmpty;
}
