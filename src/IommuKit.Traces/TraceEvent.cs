using IommuKit.Specs.Vtd;

namespace IommuKit.Traces;

/// <summary>A line of a trace that says something.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Line">Its number, counted from 1.</param>
/// <param name="Nanoseconds">Its time; negative if it has none, or one that does not measure time. Other events than those of which more than the
/// kind is read have none.</param>
/// <param name="Iova">First IOVA of a map or unmap, or of what a flush of a cache tag drops; or the IOVA that faulted.</param>
/// <param name="PhysicalAddress">What a map maps to.</param>
/// <param name="Size">
/// Bytes mapped; or bytes that an unmap really removed (the kernel's unmapped_size, which can exceed what was asked for); or bytes that a flush of a
/// cache tag drops, 0 for all of the domain; or how many events were lost; or the flags of a fault (bit 0: it was a write).
/// </param>
public readonly record struct TraceEvent(
    TraceEventKind Kind, long Line, long Nanoseconds = -1, ulong Iova = 0, ulong PhysicalAddress = 0, ulong Size = 0)
{
    /// <summary>What was queued, of <see cref="TraceEventKind.QueueSubmit"/>.</summary>
    public VtdInvalidationDescriptor Descriptor { get; init; }

    /// <summary>Which unit of VT-d it was queued to or flushed in: N of "dmarN".</summary>
    public ushort Unit { get; init; }

    /// <summary>
    /// The domain, of <see cref="TraceEventKind.CacheTagFlush"/> and <see cref="TraceEventKind.TagAssign"/>. Of queued descriptors it is in the
    /// <see cref="Descriptor"/>.
    /// </summary>
    public ushort DomainId { get; init; }

    /// <summary>Which flush it was, of <see cref="TraceEventKind.CacheTagFlush"/>.</summary>
    public CacheTagFlush Flush { get; init; }

    /// <summary>
    /// The device that was attached or detached, or faulted: segment in bits 31:16, then bus, device and function; null if its name is not that of a
    /// PCI device.
    /// </summary>
    public uint? Device { get; init; }

    /// <summary>The last IOVA of a map, an unmap or a flush of a range.</summary>
    public ulong LastIova => Iova + (Size - 1);

    /// <summary>Whether it is an event of the kernel that is neither a map nor an unmap.</summary>
    public bool IsOther => Kind is TraceEventKind.Other or TraceEventKind.QueueSubmit or TraceEventKind.CacheTagFlush
        or TraceEventKind.Attach or TraceEventKind.Detach or TraceEventKind.TagAssign or TraceEventKind.PageFault or TraceEventKind.Console
        or TraceEventKind.VtdMapping;

    /// <summary>Whether it is a map or an unmap of no bytes, which does nothing and is of <see cref="TraceEventKind.Other"/>.</summary>
    internal bool IsEmpty { get; init; }
}
