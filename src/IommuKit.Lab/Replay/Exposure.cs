namespace IommuKit.Lab.Replay;

/// <summary>
/// What unmaps left reachable for devices when they returned, and for how long: until the queue was drained, or the caller flushed. All zeros where
/// every unmap was complete. The two times are of two clocks, and are never added or compared.
/// </summary>
/// <param name="Unmaps">Unmaps that left something reachable.</param>
/// <param name="PagesP99">Pages of 4 KiB that were reachable when a flush ended it: what 99 of 100 flushes did not exceed, to one part in 64.</param>
/// <param name="PagesMax">The most of them, exactly.</param>
/// <param name="RecordedP99">
/// Nanoseconds of the trace's clock from an unmap to the event during which its flush came: what 99 of 100 unmaps did not exceed. Null if the trace
/// has no times.
/// </param>
/// <param name="RecordedMax">The longest of them, exactly. What is reachable at the end of the trace counts until then.</param>
/// <param name="VirtualP99">Microseconds of virtual time from the return of an unmap to the end of the call that flushed: as above.</param>
/// <param name="VirtualMax">The longest of them. Nothing but maps and unmaps takes virtual time.</param>
public sealed record Exposure(
    long Unmaps, long PagesP99, long PagesMax, long? RecordedP99, long? RecordedMax, double VirtualP99, double VirtualMax);
