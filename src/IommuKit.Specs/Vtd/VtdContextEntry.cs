namespace IommuKit.Specs.Vtd;

/// <summary>
/// A context entry of legacy mode: what a device is translated by (VT-d specification, section 9.3).
/// <code>
///          63:24  23:8   7  6:3      2:0             63:12         11:4  3:2  1    0
///   upper  -      DID    -  ignored  AW       lower  second stage  -     TT   FPD  P
/// </code>
/// </summary>
/// <param name="Lower">Bits 63:0.</param>
/// <param name="Upper">Bits 127:64.</param>
public readonly record struct VtdContextEntry(ulong Lower, ulong Upper)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 16;

    private const ulong LowerReserved = 0xff0;
    private const ulong UpperReserved = 0xffff_ffff_ff00_0080;

    /// <summary>Bit 0, P.</summary>
    public bool IsPresent => (Lower & 1) != 0;

    /// <summary>Bit 1, FPD: faults of the device are not recorded. Holds for entries that are not present too.</summary>
    public bool DisablesFaults => (Lower & 2) != 0;

    /// <summary>Bits 3:2, TT.</summary>
    public VtdContextType Type => (VtdContextType)((Lower >> 2) & 3);

    /// <summary>Bits 63:12: the root of the second stage.</summary>
    public ulong SecondStage => Lower & ~0xffful;

    /// <summary>Bits 66:64, AW: 1 for 39 bits, 2 for 48, 3 for 57.</summary>
    public int Width => (int)(Upper & 7);

    /// <summary>Bits 87:72, DID.</summary>
    public ushort DomainId => (ushort)(Upper >> 8);

    /// <summary>Whether a bit is set that the specification reserves.</summary>
    public bool HasReservedBits => (Lower & LowerReserved) != 0 || (Upper & UpperReserved) != 0;

    /// <summary>A present entry.</summary>
    /// <param name="type">Which requests are served.</param>
    /// <param name="secondStage">The root of the second stage; 0 for pass-through.</param>
    /// <param name="width">1 for 39 bits, 2 for 48, 3 for 57.</param>
    /// <param name="domainId">The domain.</param>
    public static VtdContextEntry Create(VtdContextType type, ulong secondStage, int width, ushort domainId) =>
        new(secondStage | ((ulong)type << 2) | 1, (uint)width | ((ulong)domainId << 8));
}
