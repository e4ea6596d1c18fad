namespace IommuKit.Specs.Smmu3;

/// <summary>
/// A stream table entry (IHI 0070, section 5.2): the first four quadwords, which hold all that the non-secure state uses without MPAM and its kin.
/// <code>
///  W0   0 V, 3:1 Config, 5:4 S1Fmt, 55:6 S1ContextPtr, 63:59 S1CDMax
///  W1   1:0 S1DSS, 7:2 attributes of CDs, 17 DCP, 18 PPAR, 19 MEV, 25 S2FWB, 27 S1STALLD, 29:28 EATS, 31:30 STRW, 49:48 PRIVCFG, 51:50 INSTCFG
///  W2   15:0 S2VMID, 37:32 S2T0SZ, 39:38 S2SL0, 45:40 attributes, 47:46 S2TG, 50:48 S2PS, 51 S2AA64, 52 S2ENDI, 53 S2AFFD, 54 S2PTW, 55 S2HD, 56
/// S2HA,
///       57 S2S, 58 S2R
///  W3   2 S2SL0_2, 3 S2DS, 55:4 S2TTB
/// </code>
/// </summary>
/// <param name="W0">Bits 63:0.</param>
/// <param name="W1">Bits 127:64.</param>
/// <param name="W2">Bits 191:128.</param>
/// <param name="W3">Bits 255:192.</param>
public readonly record struct Smmu3StreamEntry(ulong W0, ulong W1, ulong W2, ulong W3)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 64;

    /// <summary>V.</summary>
    public const ulong Valid = 1;

    /// <summary>Config: bypass.</summary>
    public const int Bypass = 4;

    /// <summary>Config: stage 1.</summary>
    public const int Stage1 = 5;

    /// <summary>Config: stage 2.</summary>
    public const int Stage2 = 6;

    /// <summary>Config: both stages.</summary>
    public const int Nested = 7;

    /// <summary>V.</summary>
    public bool IsValid => (W0 & Valid) != 0;

    /// <summary>Config: below <see cref="Bypass"/>, everything is aborted without a record; then bit 0 is stage 1, and bit 1 stage 2.</summary>
    public int Config => (int)(W0 >> 1) & 7;

    /// <summary>S1Fmt: 0 a linear table of CDs, 1 two levels with 64 CDs in a table, 2 with 1024.</summary>
    public int ContextFormat => (int)(W0 >> 4) & 3;

    /// <summary>S1ContextPtr: the CD, or the table of them.</summary>
    public ulong ContextTable => W0 & 0x00ff_ffff_ffff_ffc0;

    /// <summary>S1CDMax: bits of a SubstreamID; 0 for one CD and no substreams.</summary>
    public int SubstreamBits => (int)(W0 >> 59);

    /// <summary>S1DSS: without a substream, 0 (and 3) ends a transaction, 1 passes stage 1 by, 2 uses CD 0.</summary>
    public int DefaultSubstream => (int)W1 & 3;

    /// <summary>PPAR: automatic responses to page requests carry the PASID.</summary>
    public bool ResponsesCarryPasid => Bit(W1, 18);

    /// <summary>MEV: like events may be merged.</summary>
    public bool MergesEvents => Bit(W1, 19);

    /// <summary>S2FWB: stage 2 forces the memory type.</summary>
    public bool ForcesWriteBack => Bit(W1, 25);

    /// <summary>S1STALLD: CDs must not stall.</summary>
    public bool DisablesStalls => Bit(W1, 27);

    /// <summary>EATS: 0 no ATS, 1 ATS, 2 ATS of stage 1 alone.</summary>
    public int Ats => (int)(W1 >> 28) & 3;

    /// <summary>STRW: 0 EL1, 2 EL2.</summary>
    public int World => (int)(W1 >> 30) & 3;

    /// <summary>PRIVCFG: 2 makes a transaction unprivileged, 3 privileged.</summary>
    public int PrivilegeOverride => (int)(W1 >> 48) & 3;

    /// <summary>INSTCFG: 2 makes a read one of data, 3 one of instructions.</summary>
    public int InstructionOverride => (int)(W1 >> 50) & 3;

    /// <summary>S2VMID.</summary>
    public ushort Vmid => (ushort)W2;

    /// <summary>S2T0SZ: stage 2 translates 64 less as many bits.</summary>
    public int InputSize => (int)(W2 >> 32) & 0x3f;

    /// <summary>S2SL0, and S2SL0_2 as bit 2: where stage 2 begins.</summary>
    public int StartLevel => ((int)(W2 >> 38) & 3) | ((int)W3 & 4);

    /// <summary>S2TG: 0 4 KiB, 1 64 KiB, 2 16 KiB.</summary>
    public int Granule => (int)(W2 >> 46) & 3;

    /// <summary>S2PS: bits of a physical address, as IDR5.OAS encodes them.</summary>
    public int OutputSize => (int)(W2 >> 48) & 7;

    /// <summary>S2AA64: tables of VMSAv8-64.</summary>
    public bool IsAarch64 => Bit(W2, 51);

    /// <summary>S2ENDI.</summary>
    public bool IsBigEndian => Bit(W2, 52);

    /// <summary>S2AFFD: access flags are not looked at.</summary>
    public bool IgnoresAccessFlag => Bit(W2, 53);

    /// <summary>S2PTW: walks and fetches of CDs must not lead to device memory.</summary>
    public bool ProtectsWalks => Bit(W2, 54);

    /// <summary>S2HD.</summary>
    public bool SetsDirtyState => Bit(W2, 55);

    /// <summary>S2HA.</summary>
    public bool SetsAccessFlag => Bit(W2, 56);

    /// <summary>S2S: faults of stage 2 stall.</summary>
    public bool Stalls => Bit(W2, 57);

    /// <summary>S2R: faults of stage 2 are recorded.</summary>
    public bool Records => Bit(W2, 58);

    /// <summary>S2DS: 52-bit addresses with the granules of 4 and 16 KiB.</summary>
    public bool IsWide => Bit(W3, 3);

    /// <summary>S2TTB.</summary>
    public ulong Table => W3 & 0x00ff_ffff_ffff_fff0;

    private static bool Bit(ulong word, int bit) => ((word >> bit) & 1) != 0;
}
