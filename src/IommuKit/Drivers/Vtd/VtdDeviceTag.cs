namespace IommuKit.Drivers.Vtd;

/// <summary>A device that keeps translations of its own, for one of its PASIDs.</summary>
/// <param name="SourceId">The device.</param>
/// <param name="Pasid">The PASID; 0 for what comes without one.</param>
internal readonly record struct VtdDeviceTag(ushort SourceId, int Pasid);
