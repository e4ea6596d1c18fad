namespace IommuKit.Specs.Smmu2;

/// <summary>
/// CBARn: what a context bank is.
/// <code>
///  TYPE 0 (stage 2)   31:24 IRPTNDX (version 1)   17:16 TYPE                                  7:0 VMID
///  TYPE 1 (stage 1)   31:24 IRPTNDX (version 1)   17:16 TYPE   15:12 MemAttr   9:8 BPSHCFG    7:0 VMID
///  TYPE 3 (nested)    31:24 IRPTNDX (version 1)   17:16 TYPE   15:8 bank of stage 2
/// </code>
/// </summary>
/// <param name="Value">The register.</param>
public readonly record struct Smmu2BankAttributes(uint Value)
{
    /// <summary>Where TYPE is.</summary>
    public const int TypeShift = 16;

    /// <summary>TYPE.</summary>
    public const uint TypeMask = 3u << TypeShift;

    /// <summary>Where the bank of stage 2 is.</summary>
    public const int SecondBankShift = 8;

    /// <summary>Where IRPTNDX is, on version 1: which interrupt tells of the bank's faults.</summary>
    public const int InterruptShift = 24;

    // What passes stage 1 by, and tables, are write-back and not shareable, as Linux has it.
    private const uint PlainAttributes = (0xfu << 12) | (3u << 8);

    /// <summary>Type.</summary>
    public Smmu2BankType Type => (Smmu2BankType)(Value >> TypeShift & 3);

    /// <summary>VMID, of 8 bits.</summary>
    public ushort Vmid => (byte)Value;

    /// <summary>The bank of stage 2.</summary>
    public int SecondBank => (int)(Value >> SecondBankShift) & 0xff;

    /// <summary>A bank of stage 1.</summary>
    public static Smmu2BankAttributes Stage1 => new(((uint)Smmu2BankType.Stage1 << TypeShift) | PlainAttributes);

    /// <summary>A bank of stage 2.</summary>
    public static Smmu2BankAttributes Stage2(ushort vmid) => new(vmid);

    /// <summary>A bank of stage 1 on top of stage 2.</summary>
    public static Smmu2BankAttributes Nested(int secondBank) =>
        new(((uint)Smmu2BankType.Nested << TypeShift) | ((uint)secondBank << SecondBankShift));
}
