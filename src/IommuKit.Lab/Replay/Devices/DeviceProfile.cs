using IommuKit.Traces;

namespace IommuKit.Lab.Replay.Devices;

/// <summary>
/// How a device uses what is mapped for it, and what that takes: when it comes to a mapping, in which order, what else it looks at, and how long a
/// read of a page table takes.
/// </summary>
/// <remarks>
/// A trace has no accesses, so they are made up: each mapping is used once, after its map and before its unmap. The bound is that of "Fast and Safe"
/// (Rubin, Agarwal, Cai and Agarwal, SOSP 2024): moving a page takes <see cref="BaseNanoseconds"/> and <see cref="ReadNanoseconds"/> for each read of
/// a table that its translation took.
/// </remarks>
public sealed record DeviceProfile
{
    /// <summary>Pages of a mapping that are used at most: those of the first 4 GiB.</summary>
    public const ulong MostPages = 1 << 20;

    /// <summary>The name by which users select it.</summary>
    public required string Name { get; init; }

    /// <summary>What it is, in one line.</summary>
    public required string Description { get; init; }

    /// <summary>In which order the pages of a mapping are used.</summary>
    public DeviceOrder Order { get; init; }

    /// <summary>Mappings that may wait for the device; with more, it turns to the oldest. 1 or more.</summary>
    public int Queue { get; init; } = 1;

    /// <summary>How many mappings it uses in a row once it turns to them, as far as there are so many. 1 or more.</summary>
    public int Burst { get; init; } = 1;

    /// <summary>
    /// Bytes of descriptors in memory that stay mapped, of which it looks at the next one with each mapping; a multiple of 4 KiB, or 0 for none.
    /// </summary>
    public ulong RingBytes { get; init; }

    /// <summary>Bytes of a descriptor.</summary>
    public int DescriptorBytes { get; init; } = 16;

    /// <summary>What its link carries at most, in gigabits (10^9) per second.</summary>
    public required double LinkGigabits { get; init; }

    /// <summary>What moving 4 KiB takes if no table is read, in nanoseconds.</summary>
    public double BaseNanoseconds { get; init; } = 65;

    /// <summary>What one read of a table takes, in nanoseconds.</summary>
    public double ReadNanoseconds { get; init; } = 197;

    /// <summary>How many walks go on at the same time. 1 or more.</summary>
    public int Outstanding { get; init; } = 1;

    /// <summary>What it receives, in the place of a trace; null for a trace. See <see cref="With(NicTraffic)"/>.</summary>
    public NicTraffic? Traffic { get; init; }

    /// <summary>Whether what it moves comes in flows, so that it can have traffic that is made up.</summary>
    public bool HasFlows { get; init; }

    /// <summary>The device with traffic that is made up: all pages of the rings wait for it, and it uses what comes between two interrupts in a row.</summary>
    /// <param name="traffic">The traffic.</param>
    public DeviceProfile With(NicTraffic traffic)
    {
        ArgumentNullException.ThrowIfNull(traffic);
        return this with { Traffic = traffic, Queue = traffic.Flows * traffic.PagesPerRing, Burst = traffic.PerInterrupt };
    }

    /// <summary>What it moves at most, in gigabits per second.</summary>
    /// <param name="readsPerPage">Reads of tables for each 4 KiB.</param>
    public double GigabitsAt(double readsPerPage) => Math.Min(
        LinkGigabits, SmallPage.Bytes * 8 / (BaseNanoseconds + (readsPerPage * ReadNanoseconds / Outstanding)));
}
