using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>One access of a driver to the hardware.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Address">Physical address that is cleaned, or offset of the register.</param>
/// <param name="Value">Bytes that are cleaned, or the value that is written.</param>
/// <param name="Purpose">What the register access is for.</param>
public readonly record struct MaintenanceStep(MaintenanceKind Kind, ulong Address, ulong Value, RegisterPurpose Purpose);
