namespace IommuKit.Lab.Replay;

/// <summary>The maps or the unmaps of one class of sizes.</summary>
/// <param name="Operation">Which of them.</param>
/// <param name="Size">Their sizes.</param>
/// <param name="Latency">The virtual time of each.</param>
/// <param name="VirtualMicroseconds">The virtual time of all of them.</param>
public sealed record SizeLatency(MappingOperation Operation, SizeClass Size, LatencySummary Latency, double VirtualMicroseconds);
