namespace IommuKit.Specs.Vtd;

/// <summary>
/// An entry of the root table, one for each bus (VT-d specification, sections 9.1 and 9.2). In legacy mode it has one table of 256 contexts in its
/// lower half; in scalable mode each half has one of 128.
/// <code>
///   63:12          11:1  0
///   context table  -     P
/// </code>
/// </summary>
/// <param name="Lower">Bits 63:0.</param>
/// <param name="Upper">Bits 127:64.</param>
public readonly record struct VtdRootEntry(ulong Lower, ulong Upper)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 16;

    /// <summary>Bit 0, P, of a half.</summary>
    public const ulong Present = 1;

    /// <summary>Bits 63:12 of a half.</summary>
    public const ulong AddressMask = ~0xffful;

    /// <summary>Bits 11:1, which are reserved.</summary>
    public const ulong ReservedMask = 0xffe;

    /// <summary>The half for a function in scalable mode.</summary>
    /// <param name="function">Device and function: the low eight bits of a source id.</param>
    public ulong HalfOf(int function) => (function & 0x80) == 0 ? Lower : Upper;
}
