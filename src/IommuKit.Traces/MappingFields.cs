namespace IommuKit.Traces;

/// <summary>What the numbers of a mapping event must be like, whatever form the trace has.</summary>
internal static class MappingFields
{
    /// <summary>Makes an event of numbers.</summary>
    /// <param name="kind">Map or unmap.</param>
    /// <param name="number">The event's number.</param>
    /// <param name="nanoseconds">Its time.</param>
    /// <param name="from">First IOVA, and what a map maps it to; 0 for an unmap.</param>
    /// <param name="size">Bytes that were asked for.</param>
    /// <param name="bytes">Bytes that were mapped or unmapped.</param>
    /// <returns>
    /// The event; one of no meaning here if it is of no bytes, as kernels record where a map fails at its first page; a damaged one if no kernel
    /// can have recorded the numbers.
    /// </returns>
    public static TraceEvent ToEvent(
        TraceEventKind kind, long number, long nanoseconds, (ulong Iova, ulong PhysicalAddress) from, ulong size, ulong bytes)
    {
        if (!ArePossible(from.Iova, from.PhysicalAddress, size, bytes))
        {
            return new TraceEvent(TraceEventKind.Damaged, number);
        }

        return size == 0
            ? new TraceEvent(TraceEventKind.Other, number) { IsEmpty = true }
            : new TraceEvent(kind, number, nanoseconds, from.Iova, from.PhysicalAddress, bytes);
    }

    private static bool ArePossible(ulong iova, ulong physicalAddress, ulong size, ulong bytes) =>
        ((iova | size | physicalAddress | bytes) & SmallPage.Mask) == 0
        && (size != 0 || bytes == 0)
        && (bytes == 0 || bytes - 1 <= ulong.MaxValue - iova);
}
