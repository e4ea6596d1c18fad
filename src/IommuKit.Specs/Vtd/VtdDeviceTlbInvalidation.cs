namespace IommuKit.Specs.Vtd;

/// <summary>What a device is told to drop from its own TLB (VT-d specification, sections 6.5.2.5 and 6.5.2.6).</summary>
/// <param name="Source">The device.</param>
/// <param name="Address">The first address.</param>
/// <param name="LastAddress">The last address.</param>
/// <param name="Pasid">The PASID, or null for requests without one.</param>
/// <param name="IsGlobal">Whether all PASIDs are meant.</param>
public readonly record struct VtdDeviceTlbInvalidation(ushort Source, ulong Address, ulong LastAddress, int? Pasid, bool IsGlobal);
