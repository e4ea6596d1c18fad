namespace IommuKit.Lab.Replay;

/// <summary>What happened in one interval of a trace.</summary>
/// <param name="StartNanoseconds">When it starts, by the trace's clock.</param>
/// <param name="Maps">Maps that were replayed.</param>
/// <param name="Unmaps">Unmaps that were replayed.</param>
/// <param name="BytesMapped">Bytes that these maps mapped.</param>
/// <param name="BytesUnmapped">Bytes that these unmaps removed.</param>
/// <param name="VirtualMicroseconds">Virtual time of all work done.</param>
/// <param name="Invalidations">Register writes and commands that invalidate table memory or translations.</param>
/// <param name="Syncs">Waits for the hardware.</param>
/// <param name="LivePages">Pages of 4 KiB that the trace has mapped after its last event in the interval.</param>
public sealed record SeriesPoint(
    long StartNanoseconds,
    long Maps,
    long Unmaps,
    ulong BytesMapped,
    ulong BytesUnmapped,
    double VirtualMicroseconds,
    long Invalidations,
    long Syncs,
    ulong LivePages);
