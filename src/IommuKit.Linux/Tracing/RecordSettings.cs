namespace IommuKit.Linux.Tracing;

/// <summary>How to record.</summary>
/// <param name="BufferKilobytes">The kernel's buffer for each processor, in KiB.</param>
/// <param name="WithDma">Whether to record the events of the DMA API too.</param>
internal sealed record RecordSettings(int BufferKilobytes = RecordSettings.DefaultKilobytes, bool WithDma = false)
{
    /// <summary>Room for some 200,000 events that were not fetched yet.</summary>
    public const int DefaultKilobytes = 8192;
}
