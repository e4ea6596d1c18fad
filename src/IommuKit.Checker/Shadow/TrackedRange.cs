namespace IommuKit.Checker.Shadow;

/// <summary>A structure in memory that steers translation.</summary>
/// <param name="Address">Its physical address, a multiple of 8.</param>
/// <param name="Bytes">Its size, a multiple of 8.</param>
public readonly record struct TrackedRange(ulong Address, ulong Bytes);
