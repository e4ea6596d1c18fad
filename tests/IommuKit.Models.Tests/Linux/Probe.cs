namespace IommuKit.Models.Tests.Linux;

/// <summary>An access of a device that was made on a snapshot.</summary>
/// <param name="Source">The device.</param>
/// <param name="Iova">The IOVA.</param>
/// <param name="IsWrite">Whether it wrote.</param>
/// <param name="PhysicalAddress">Where it came out; null if it was refused.</param>
/// <param name="IsDeviation">Whether the emulator's answer is known to be wrong.</param>
/// <param name="Line">The line, for messages.</param>
internal sealed record Probe(uint Source, ulong Iova, bool IsWrite, ulong? PhysicalAddress, bool IsDeviation, string Line);
