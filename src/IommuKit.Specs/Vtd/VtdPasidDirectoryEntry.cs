namespace IommuKit.Specs.Vtd;

/// <summary>
/// An entry of a PASID directory: a table of 64 PASID entries (VT-d specification, section 9.5). Bits 63:12 are the table, bit 1 is FPD, bit 0 is P.
/// </summary>
/// <param name="Value">The 64 bits.</param>
public readonly record struct VtdPasidDirectoryEntry(ulong Value)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 8;

    /// <summary>Log2 of the PASIDs of one entry.</summary>
    public const int PasidsLog2 = 6;

    /// <summary>Bit 0, P.</summary>
    public const ulong Present = 1;

    /// <summary>Bit 0, P.</summary>
    public bool IsPresent => (Value & Present) != 0;

    /// <summary>Bit 1, FPD: faults of these PASIDs are not recorded.</summary>
    public bool DisablesFaults => (Value & 2) != 0;

    /// <summary>Bits 63:12: the PASID table.</summary>
    public ulong Table => Value & ~0xffful;

    /// <summary>Whether a bit is set that the specification reserves.</summary>
    public bool HasReservedBits => (Value & 0xffc) != 0;
}
