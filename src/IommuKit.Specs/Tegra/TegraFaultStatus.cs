namespace IommuKit.Specs.Tegra;

/// <summary>
/// MC_ERR_STATUS.
/// <code>
///  30:28  27      26      25       21:20   18    17        16   14:12  7:0 or 6:0
///  type   page R  page W  page NS  ADR_HI  SWAP  SECURITY  RW   ADR1   client
/// </code>
/// </summary>
/// <param name="Value">The register value.</param>
public readonly record struct TegraFaultStatus(uint Value)
{
    private const int TypeShift = 28;
    private const uint TypeMask = 7;
    private const uint PageReadable = 1u << 27;
    private const uint PageWritable = 1u << 26;
    private const uint PageNonSecure = 1u << 25;
    private const int AddressHighShift = 20;
    private const uint AddressHighMask = 3;
    private const uint SecurityBit = 1u << 17;
    private const uint WriteBit = 1u << 16;

    /// <summary>What went wrong.</summary>
    public TegraFaultType Type => (TegraFaultType)((Value >> TypeShift) & TypeMask);

    /// <summary>The rights that the walk found, as bits of <see cref="TegraEntry"/>.</summary>
    public uint Rights =>
        ((Value & PageReadable) != 0 ? TegraEntry.Readable : 0)
        | ((Value & PageWritable) != 0 ? TegraEntry.Writable : 0)
        | ((Value & PageNonSecure) != 0 ? TegraEntry.NonSecure : 0);

    /// <summary>Bits 33:32 of the address.</summary>
    public uint AddressHigh => (Value >> AddressHighShift) & AddressHighMask;

    /// <summary>Whether the transaction was secure.</summary>
    public bool IsSecure => (Value & SecurityBit) != 0;

    /// <summary>Whether the transaction was a write.</summary>
    public bool IsWrite => (Value & WriteBit) != 0;

    /// <summary>The client id, with the mask of the SoC.</summary>
    public int ClientOn(TegraSoc soc) => (int)(Value & soc.ClientIdMask);

    /// <summary>Composes a record.</summary>
    public static TegraFaultStatus Create(
        TegraSoc soc, TegraFaultType type, uint rights, ulong address, bool isSecure, bool isWrite, int client) => new(
        ((uint)type << TypeShift)
        | ((rights & TegraEntry.Readable) != 0 ? PageReadable : 0)
        | ((rights & TegraEntry.Writable) != 0 ? PageWritable : 0)
        | ((rights & TegraEntry.NonSecure) != 0 ? PageNonSecure : 0)
        | (HasAddressHigh(soc) ? ((uint)(address >> 32) & AddressHighMask) << AddressHighShift : 0)
        | (isSecure ? SecurityBit : 0)
        | (isWrite ? WriteBit : 0)
        | ((uint)client & soc.ClientIdMask));

    /// <summary>The address of the fault, whose low half is in another register. Parts with 32-bit addresses have no other bits of it.</summary>
    public ulong AddressOn(TegraSoc soc, uint low) => low | (HasAddressHigh(soc) ? (ulong)AddressHigh << 32 : 0);

    private static bool HasAddressHigh(TegraSoc soc) => soc.PhysicalBits > 32;
}
