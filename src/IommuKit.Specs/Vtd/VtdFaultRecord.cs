namespace IommuKit.Specs.Vtd;

/// <summary>
/// A fault recording register (VT-d specification, section 11.4.14).
/// <code>
///          63  62  61:60  59:40  39:32   31  30   29    28  27:16  15:0
///   upper  F   T1  AT     PASID  reason  PP  EXE  PRIV  T2  -      source
///   lower  63:12 address, or 63:48 index of an interrupt
/// </code>
/// T1 and T2 tell the kind: 0, 0 a write; 1, 0 a read; 0, 1 a page request; 1, 1 an atomic operation.
/// </summary>
/// <param name="Lower">Bits 63:0.</param>
/// <param name="Upper">Bits 127:64.</param>
public readonly record struct VtdFaultRecord(ulong Lower, ulong Upper)
{
    /// <summary>Bytes of a record.</summary>
    public const uint Bytes = 16;

    /// <summary>Bit 127, F: the record is in use; written 1 to clear.</summary>
    public const ulong Fault = 1ul << 63;

    private const int ReadBit = 62;
    private const int AddressTypeShift = 60;
    private const int PasidShift = 40;
    private const int ReasonShift = 32;
    private const int HasPasidBit = 31;
    private const int ExecuteBit = 30;
    private const int PrivilegedBit = 29;
    private const int OtherKindBit = 28;

    /// <summary>Whether the record is in use.</summary>
    public bool IsFault => (Upper & Fault) != 0;

    /// <summary>Bits 79:64, SID: bus, device and function.</summary>
    public ushort SourceId => (ushort)Upper;

    /// <summary>Bits 103:96, FR.</summary>
    public VtdFaultReason Reason => (VtdFaultReason)(byte)(Upper >> ReasonShift);

    /// <summary>Bit 126, T1: a read or an atomic operation.</summary>
    public bool IsRead => (Upper >> ReadBit & 1) != 0;

    /// <summary>Bit 95, PP, and bits 123:104, PV: the PASID of the request, or null.</summary>
    public int? Pasid => (Upper >> HasPasidBit & 1) != 0 ? (int)(Upper >> PasidShift) & 0xf_ffff : null;

    /// <summary>Bits 63:12: the page of the request, if it was for memory.</summary>
    public ulong Address => Lower & ~0xffful;

    /// <summary>Bits 63:48: the index of the interrupt, if it was one.</summary>
    public ushort InterruptIndex => (ushort)(Lower >> 48);

    /// <summary>A record of a request for memory.</summary>
    public static VtdFaultRecord ForMemory(
        ushort source,
        ulong address,
        VtdFaultReason reason,
        bool isWrite,
        bool isAtomic = false,
        bool isPageRequest = false,
        VtdAddressType addressType = VtdAddressType.Untranslated,
        int? pasid = null,
        bool isExecute = false,
        bool isPrivileged = false) => new(
        address & ~0xffful,
        Fault
            | (isAtomic || (!isWrite && !isPageRequest) ? 1ul << ReadBit : 0)
            | (isAtomic || isPageRequest ? 1ul << OtherKindBit : 0)
            | ((ulong)addressType << AddressTypeShift)
            | (pasid is { } value ? ((ulong)(uint)value << PasidShift) | (1ul << HasPasidBit) : 0)
            | ((ulong)(byte)reason << ReasonShift)
            | (isExecute ? 1ul << ExecuteBit : 0)
            | (isPrivileged ? 1ul << PrivilegedBit : 0)
            | source);

    /// <summary>A record of an interrupt.</summary>
    public static VtdFaultRecord ForInterrupt(ushort source, ushort index, VtdFaultReason reason) =>
        new((ulong)index << 48, Fault | ((ulong)(byte)reason << ReasonShift) | source);
}
