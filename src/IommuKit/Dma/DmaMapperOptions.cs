using IommuKit.Specs.Memory;

namespace IommuKit.Dma;

/// <summary>What a <see cref="DmaMapper"/> has to know of its devices and of the machine.</summary>
public sealed record DmaMapperOptions
{
    /// <summary>The last IOVA that the devices reach: their mask. 2^32 - 1 for one of 32 bits.</summary>
    public ulong DeviceLast { get; init; } = ulong.MaxValue;

    /// <summary>
    /// Whether to look for a place below 4 GiB first, as Linux does for devices on PCI; see <see cref="IovaSource"/>. Off unless it is said otherwise.
    /// </summary>
    public bool PrefersLow { get; init; }

    /// <summary>IOVAs that are never handed out, besides those that the domain reserves itself: first and last of each.</summary>
    public IReadOnlyList<(ulong First, ulong Last)> Reserved { get; init; } = [];

    /// <summary>The longest segment of a scatter list in bytes.</summary>
    public ulong MostSegmentBytes { get; init; } = ulong.MaxValue;

    /// <summary>A power of two of bytes that no segment of a scatter list crosses a multiple of; 0 for none.</summary>
    public ulong SegmentBoundary { get; init; }

    /// <summary>The CPU's cache on a machine whose devices do not snoop it; null where they do.</summary>
    public IDmaCache? Cache { get; init; }

    /// <summary>Where buffers and copies come from; null if only the caller's own memory is mapped.</summary>
    public IDmaMemory? Memory { get; init; }

    /// <summary>What of memory of the process (<see cref="DmaMapper.MapMemory"/>) is copied, so that a device does not reach it.</summary>
    public DmaBounce Bounce { get; init; } = DmaBounce.Edges;

    /// <summary>Sizes that are kept in caches, and how many; see <see cref="IovaAllocatorOptions"/>. Its granule and ends are the domain's.</summary>
    public IovaAllocatorOptions Iovas { get; init; } = new();
}
