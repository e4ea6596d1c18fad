namespace IommuKit.Drivers.Smmu3;

/// <summary>A device that keeps translations of its own, for one of its PASIDs.</summary>
/// <param name="StreamId">The device.</param>
/// <param name="Substream">The PASID; null for what comes without one.</param>
internal readonly record struct Smmu3DeviceTag(uint StreamId, uint? Substream);
