using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>One access of a driver to the hardware.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Address">Physical address that is cleaned or read, offset of the register, or first IOVA to forget.</param>
/// <param name="Value">Bytes that are cleaned or forgotten, the value that is written, or the number that a status word is to reach.</param>
/// <param name="Purpose">What the register access is for.</param>
/// <param name="Level">For walkers in software: the level of the table whose entries changed.</param>
/// <param name="Walker">For walkers in software: which of them is meant.</param>
/// <param name="IsWide">Whether it is an access of a 64-bit register.</param>
public readonly record struct MaintenanceStep(
    MaintenanceKind Kind, ulong Address, ulong Value, RegisterPurpose Purpose, int Level = 0, int Walker = 0, bool IsWide = false);
