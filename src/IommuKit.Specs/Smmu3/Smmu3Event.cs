namespace IommuKit.Specs.Smmu3;

/// <summary>
/// A record of the event queue (IHI 0070, section 7.3).
/// <code>
///  W0   7:0 type, 11 SSV, 31:12 SubstreamID, 63:32 StreamID
///  W1   15:0 STAG or reason, 31 Stall, 33 PnU, 34 InD, 35 RnW, 38 NSIPA, 39 S2, 41:40 CLASS, 44 TTRnW
///  W2   InputAddr
///  W3   55:12 IPA, or 55:3 FetchAddr
/// </code>
/// </summary>
/// <param name="W0">Bits 63:0.</param>
/// <param name="W1">Bits 127:64.</param>
/// <param name="W2">Bits 191:128.</param>
/// <param name="W3">Bits 255:192.</param>
public readonly record struct Smmu3Event(ulong W0, ulong W1, ulong W2, ulong W3)
{
    /// <summary>Bytes of a record.</summary>
    public const int Bytes = 32;

    /// <summary>In <see cref="W0"/>: SSV.</summary>
    public const ulong SubstreamValid = 1ul << 11;

    /// <summary>In <see cref="W1"/>: Stall.</summary>
    public const ulong Stall = 1ul << 31;

    /// <summary>In <see cref="W1"/>: PnU, the transaction is privileged.</summary>
    public const ulong Privileged = 1ul << 33;

    /// <summary>In <see cref="W1"/>: InD, it fetches instructions.</summary>
    public const ulong Instruction = 1ul << 34;

    /// <summary>In <see cref="W1"/>: RnW, it reads.</summary>
    public const ulong Read = 1ul << 35;

    /// <summary>In <see cref="W1"/>: S2, the fault is one of stage 2.</summary>
    public const ulong Stage2 = 1ul << 39;

    /// <summary>In <see cref="W1"/>: TTRnW, the walk was about to read its table.</summary>
    public const ulong TableRead = 1ul << 44;

    /// <summary>In <see cref="W1"/>: where CLASS is.</summary>
    public const int ClassShift = 40;

    /// <summary>In <see cref="W3"/>: IPA.</summary>
    public const ulong IpaMask = 0x00ff_ffff_ffff_f000;

    /// <summary>In <see cref="W3"/>: FetchAddr.</summary>
    public const ulong FetchMask = 0x00ff_ffff_ffff_fff8;

    /// <summary>The type.</summary>
    public Smmu3EventType Type => (Smmu3EventType)(byte)W0;

    /// <summary>The StreamID.</summary>
    public uint StreamId => (uint)(W0 >> 32);

    /// <summary>The SubstreamID, if <see cref="HasSubstream"/>, or if the type is C_BAD_SUBSTREAMID.</summary>
    public uint SubstreamId => (uint)(W0 >> 12) & 0xf_ffff;

    /// <summary>SSV.</summary>
    public bool HasSubstream => (W0 & SubstreamValid) != 0;

    /// <summary>STAG of a transaction that stalls.</summary>
    public ushort StallTag => (ushort)W1;

    /// <summary>Stall: the transaction waits for CMD_RESUME.</summary>
    public bool IsStall => (W1 & Stall) != 0;

    /// <summary>RnW.</summary>
    public bool IsRead => (W1 & Read) != 0;

    /// <summary>InD.</summary>
    public bool IsInstruction => (W1 & Instruction) != 0;

    /// <summary>PnU.</summary>
    public bool IsPrivileged => (W1 & Privileged) != 0;

    /// <summary>S2.</summary>
    public bool IsStage2 => (W1 & Stage2) != 0;

    /// <summary>CLASS.</summary>
    public Smmu3FaultClass Class => (Smmu3FaultClass)((W1 >> ClassShift) & 3);

    /// <summary>InputAddr.</summary>
    public ulong Address => W2;

    /// <summary>IPA, of a fault of stage 2.</summary>
    public ulong Ipa => W3 & IpaMask;

    /// <summary>FetchAddr, of a read that failed.</summary>
    public ulong FetchAddress => W3 & FetchMask;
}
