namespace IommuKit.Models.Smmu3;

/// <summary>A message-signalled interrupt of the SMMU itself.</summary>
/// <param name="Address">The address.</param>
/// <param name="Data">The data.</param>
public readonly record struct Smmu3Message(ulong Address, uint Data);
