namespace IommuKit.Drivers.Vtd;

/// <summary>A PCI function behind a VT-d unit, as ACPI and its configuration space describe it.</summary>
/// <param name="SourceId">Bus in bits 15:8, device in 7:3, function in 2:0.</param>
/// <param name="HasDeviceTlb">Whether it keeps translations of its own (ATS is enabled). Used where the unit has ECAP.DT.</param>
/// <param name="Pasids">
/// How many PASIDs it has, numbered from 0 on; 0 if none. Number 0 stands for what comes without one, and no domain can be attached with it. Used in
/// scalable mode.
/// </param>
public sealed record VtdFunction(ushort SourceId, bool HasDeviceTlb = false, int Pasids = 0);
