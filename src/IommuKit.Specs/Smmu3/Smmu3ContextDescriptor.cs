namespace IommuKit.Specs.Smmu3;

/// <summary>
/// A context descriptor (IHI 0070, section 5.4): its first four quadwords.
/// <code>
///  W0   5:0 T0SZ, 7:6 TG0, 13:8 attributes, 14 EPD0, 15 ENDI, 21:16 T1SZ, 23:22 TG1, 29:24 attributes, 30 EPD1, 31 V, 34:32 IPS, 35 AFFD, 36 WXN,
///       38 TBI0, 39 TBI1, 40 PAN, 41 AA64, 42 HD, 43 HA, 44 S, 45 R, 46 A, 47 ASET, 63:48 ASID
///  W1   1 HAD0, 2 E0PD0, 3 HAFT, 55:4 TTB0, 59 EPAN
///  W2   1 HAD1, 2 E0PD1, 55:4 TTB1, 58 DS
///  W3   MAIR
/// </code>
/// </summary>
/// <param name="W0">Bits 63:0.</param>
/// <param name="W1">Bits 127:64.</param>
/// <param name="W2">Bits 191:128.</param>
/// <param name="W3">Bits 255:192.</param>
public readonly record struct Smmu3ContextDescriptor(ulong W0, ulong W1, ulong W2, ulong W3)
{
    /// <summary>Bytes of a descriptor.</summary>
    public const int Bytes = 64;

    /// <summary>V.</summary>
    public const ulong Valid = 1ul << 31;

    private const ulong TableMask = 0x00ff_ffff_ffff_fff0;

    /// <summary>V.</summary>
    public bool IsValid => (W0 & Valid) != 0;

    /// <summary>ENDI: tables are big-endian.</summary>
    public bool IsBigEndian => Bit(W0, 15);

    /// <summary>IPS: bits of an output address, as IDR5.OAS encodes them.</summary>
    public int OutputSize => (int)(W0 >> 32) & 7;

    /// <summary>AFFD: access flags are not looked at.</summary>
    public bool IgnoresAccessFlag => Bit(W0, 35);

    /// <summary>WXN: what can be written is not executed.</summary>
    public bool WriteExecuteNever => Bit(W0, 36);

    /// <summary>PAN: privileged transactions do not reach what unprivileged ones may.</summary>
    public bool PrivilegedAccessNever => Bit(W0, 40);

    /// <summary>EPAN: PAN holds for what unprivileged transactions may only execute too.</summary>
    public bool ExtendedPrivilegedAccessNever => Bit(W1, 59);

    /// <summary>AA64: tables of VMSAv8-64.</summary>
    public bool IsAarch64 => Bit(W0, 41);

    /// <summary>HD.</summary>
    public bool SetsDirtyState => Bit(W0, 42);

    /// <summary>HA.</summary>
    public bool SetsAccessFlag => Bit(W0, 43);

    /// <summary>HAFT: access flags of tables too.</summary>
    public bool SetsTableAccessFlag => Bit(W1, 3);

    /// <summary>S: faults stall.</summary>
    public bool Stalls => Bit(W0, 44);

    /// <summary>R: faults are recorded.</summary>
    public bool Records => Bit(W0, 45);

    /// <summary>A: what ends is aborted; otherwise reads return zeros, and writes are ignored.</summary>
    public bool Aborts => Bit(W0, 46);

    /// <summary>ASID.</summary>
    public ushort Asid => (ushort)(W0 >> 48);

    /// <summary>DS: 52-bit addresses with the granules of 4 and 16 KiB.</summary>
    public bool IsWide => Bit(W2, 58);

    /// <summary>MAIR: eight memory types, which leaves choose from.</summary>
    public ulong MemoryTypes => W3;

    /// <summary>T0SZ or T1SZ: 64 less the bits of an address.</summary>
    public int InputSize(bool isUpper) => (int)(W0 >> (isUpper ? 16 : 0)) & 0x3f;

    /// <summary>TG0 or TG1: log2 of the granule's bytes; 0 if it is reserved.</summary>
    public int GranuleShift(bool isUpper)
    {
        // The two fields have different encodings.
        ReadOnlySpan<byte> lower = [12, 16, 14, 0];
        ReadOnlySpan<byte> upper = [0, 14, 12, 16];
        return isUpper ? upper[(int)(W0 >> 22) & 3] : lower[(int)(W0 >> 6) & 3];
    }

    /// <summary>EPD0 or EPD1: there are no tables.</summary>
    public bool DisablesWalks(bool isUpper) => Bit(W0, isUpper ? 30 : 14);

    /// <summary>TBI0 or TBI1: the top byte of an address is ignored.</summary>
    public bool IgnoresTopByte(bool isUpper) => Bit(W0, isUpper ? 39 : 38);

    /// <summary>HAD0 or HAD1: table descriptors do not limit what is below.</summary>
    public bool DisablesTableLimits(bool isUpper) => Bit(isUpper ? W2 : W1, 1);

    /// <summary>E0PD0 or E0PD1: the range is closed to unprivileged transactions.</summary>
    public bool DisablesUnprivileged(bool isUpper) => Bit(isUpper ? W2 : W1, 2);

    /// <summary>TTB0 or TTB1.</summary>
    public ulong Table(bool isUpper) => (isUpper ? W2 : W1) & TableMask;

    private static bool Bit(ulong word, int bit) => ((word >> bit) & 1) != 0;
}
