namespace IommuKit.Specs.Vtd;

/// <summary>
/// An entry of the interrupt-remapping table (VT-d specification, section 9.9), in remapped format.
/// <code>
///          63:32        31:24  23:16   15  14:12  11:8     7:5       4        3   2   1    0
///   lower  destination  -      vector  IM  -      ignored  delivery  trigger  RH  DM  FPD  P
///          63:20  19:18  17:16  15:0
///   upper  -      SVT    SQ     SID
/// </code>
/// </summary>
/// <param name="Lower">Bits 63:0.</param>
/// <param name="Upper">Bits 127:64.</param>
public readonly record struct VtdInterruptEntry(ulong Lower, ulong Upper)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 16;

    private const ulong LowerReserved = 0xff00_7000;
    private const ulong UpperReserved = ~0xf_fffful;
    private const ulong PostedMode = 1ul << 15;
    private const ulong LegacyDestinationReserved = 0xffff_00ff_0000_0000;

    /// <summary>Bit 0, P.</summary>
    public bool IsPresent => (Lower & 1) != 0;

    /// <summary>Bit 1, FPD: faults of the entry are not recorded.</summary>
    public bool DisablesFaults => (Lower & 2) != 0;

    /// <summary>Bit 15, IM: the entry is for posted interrupts.</summary>
    public bool IsPosted => (Lower & PostedMode) != 0;

    /// <summary>What the interrupt becomes.</summary>
    /// <param name="isExtended">Whether destinations have 32 bits; otherwise they are bits 47:40.</param>
    public VtdInterrupt Remap(bool isExtended) => new(
        (byte)(Lower >> 16),
        (byte)((Lower >> 5) & 7),
        (Lower & 4) != 0,
        (Lower & 8) != 0,
        (Lower & 0x10) != 0,
        isExtended ? (uint)(Lower >> 32) : (byte)(Lower >> 40));

    /// <summary>Whether a bit is set that the specification reserves. Posted mode is reserved where there are no posted interrupts.</summary>
    public bool HasReservedBits(bool isExtended) =>
        (Lower & (LowerReserved | PostedMode)) != 0
        || (Upper & UpperReserved) != 0
        || (!isExtended && (Lower & LegacyDestinationReserved) != 0)
        || ((Upper >> 18) & 3) == 3;

    /// <summary>Whether the entry is for a source.</summary>
    /// <param name="source">The source id of the request.</param>
    public bool Allows(ushort source)
    {
        ushort id = (ushort)Upper;
        switch ((Upper >> 18) & 3)
        {
            case 0:
                return true;
            case 1:
                // SQ: which low bits of the function are not compared.
                int ignored = (int)(0x7640 >> (4 * (int)((Upper >> 16) & 3))) & 7;
                return ((source ^ id) & ~ignored) == 0;
            default:
                int bus = source >> 8;
                return bus >= id >> 8 && bus <= (id & 0xff);
        }
    }
}
