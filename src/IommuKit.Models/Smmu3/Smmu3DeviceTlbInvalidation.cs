namespace IommuKit.Models.Smmu3;

/// <summary>What a device with a TLB is told to drop by CMD_ATC_INV.</summary>
/// <param name="StreamId">The device.</param>
/// <param name="SubstreamId">The substream, or null for transactions without one.</param>
/// <param name="IsGlobal">Whether it is meant in all substreams.</param>
/// <param name="First">The first address.</param>
/// <param name="Last">The last address.</param>
public readonly record struct Smmu3DeviceTlbInvalidation(uint StreamId, uint? SubstreamId, bool IsGlobal, ulong First, ulong Last);
