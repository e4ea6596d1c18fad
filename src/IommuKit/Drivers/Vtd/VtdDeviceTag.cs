namespace IommuKit.Drivers.Vtd;

/// <summary>A device that keeps translations of its own, for one of its PASIDs.</summary>
/// <param name="SourceId">The device.</param>
/// <param name="Pasid">The PASID; 0 for what comes without one.</param>
/// <param name="IsNested">Whether it asks by addresses of a first stage on top of the domain, which the domain's own do not tell apart.</param>
internal readonly record struct VtdDeviceTag(ushort SourceId, int Pasid, bool IsNested = false);
