namespace IommuKit.Specs.Vtd;

/// <summary>What a page group response tells a device (VT-d specification, section 7.7.1).</summary>
/// <param name="Source">The device.</param>
/// <param name="Group">The page request group.</param>
/// <param name="Pasid">The PASID, or null.</param>
/// <param name="Code">0: the pages are there; 1: they will not be; 15: the device must not ask again.</param>
public readonly record struct VtdPageGroupResponse(ushort Source, int Group, int? Pasid, int Code);
