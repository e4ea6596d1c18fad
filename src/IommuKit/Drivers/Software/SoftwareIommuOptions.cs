using IommuKit.Specs.Memory;

namespace IommuKit.Drivers.Software;

/// <summary>What is chosen about a <see cref="SoftwareIommu{TFormat}"/>.</summary>
public sealed record SoftwareIommuOptions
{
    /// <summary>Bits of an IOVA.</summary>
    public required int InputBits { get; init; }

    /// <summary>Bits of a physical address.</summary>
    public required int OutputBits { get; init; }

    /// <summary>The page sizes of domains that do not ask for others; 0 means all of the format's.</summary>
    public ulong PageSizes { get; init; }

    /// <summary>
    /// Called when translations of a range must no longer be used by a walker that remembers them, and by accesses that it let through before: on the
    /// thread of the operation, on several at a time, with locks of the domain held. It must not call the domain back. Null if the walker remembers
    /// nothing.
    /// </summary>
    /// <remarks>
    /// If it, <see cref="Fence"/> or <see cref="Cache"/> throws, the operation goes on to its end, so that the page table is as if nothing had
    /// happened, and then throws the same. Until a call for everything returns, which the next operation begins with, the walker counts as stale:
    /// tables that were unlinked stay allocated, and nothing is mapped.
    /// </remarks>
    public Action<TlbInvalidation>? Invalidated { get; init; }

    /// <summary>
    /// Called before <see cref="Invalidated"/>: makes the stores to tables visible to every thread, so that what a listener reads of a walker at work
    /// is read
    /// after them. Null for a full memory barrier, which is right for memory of this process.
    /// </summary>
    public Action? Fence { get; init; }

    /// <summary>Whether the walker also remembers what is not mapped, so that it must be told of maps too.</summary>
    public bool CachesInvalidEntries { get; init; }

    /// <summary>The cache that stores must be written back from before the walker sees them; null for a walker that sees them at once.</summary>
    public ICpuCache? Cache { get; init; }
}
