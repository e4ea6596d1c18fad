namespace IommuKit.Specs.Vtd;

/// <summary>
/// A message that asks for an interrupt, as a device or an I/O APIC sends it (VT-d specification, section 5.1.2).
/// <code>
///            31:20  19:5           4   3    2            1:0
///   address  FEE    handle 14:0    IF  SHV  handle 15    -        IF = 1: remappable format, 0: compatibility format
///   data     15:0 subhandle, if SHV
/// </code>
/// </summary>
/// <param name="Source">The source id.</param>
/// <param name="Address">The address.</param>
/// <param name="Data">The data.</param>
public readonly record struct VtdInterruptRequest(ushort Source, ulong Address, uint Data)
{
    /// <summary>Whether the message is in remappable format.</summary>
    public bool IsRemappable => (Address & 0x10) != 0;

    /// <summary>The index in the interrupt-remapping table.</summary>
    public uint Index => Handle + (HasSubhandle ? Data & 0xffff : 0);

    /// <summary>Whether a reserved bit is set.</summary>
    public bool HasReservedBits => HasSubhandle && Data >> 16 != 0;

    private bool HasSubhandle => (Address & 8) != 0;

    private uint Handle => ((uint)(Address >> 5) & 0x7fff) | ((uint)(Address & 4) << 13);
}
