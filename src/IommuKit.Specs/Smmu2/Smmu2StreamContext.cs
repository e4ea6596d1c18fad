namespace IommuKit.Specs.Smmu2;

/// <summary>
/// S2CRn: what becomes of the streams of a group.
/// <code>
///  29:28 TRANSIENTCFG  27:26 INSTCFG  25:24 PRIVCFG  23:22 WACFG  21:20 RACFG  19:18 NSCFG  17:16 TYPE  15:12 MemAttr
///  11 MTCFG  10 EXIDVALID  9:8 SHCFG  7:0 CBNDX, or VMID in bypass
/// </code>
/// </summary>
/// <param name="Value">The register.</param>
public readonly record struct Smmu2StreamContext(uint Value)
{
    /// <summary>EXIDVALID: with EXIDENABLE, the stream match register is valid.</summary>
    public const uint MatchValid = 1u << 10;

    /// <summary>Where TYPE is.</summary>
    public const int TypeShift = 16;

    /// <summary>Where PRIVCFG is.</summary>
    public const int PrivilegeShift = 24;

    /// <summary>Where INSTCFG is.</summary>
    public const int InstructionShift = 26;

    /// <summary>After reset: the stream faults.</summary>
    public static Smmu2StreamContext Reset => Fault;

    /// <summary>The stream faults.</summary>
    public static Smmu2StreamContext Fault => new((uint)Smmu2StreamContextType.Fault << TypeShift);

    /// <summary>The stream passes untranslated.</summary>
    public static Smmu2StreamContext Bypass => new((uint)Smmu2StreamContextType.Bypass << TypeShift);

    /// <summary>TYPE.</summary>
    public Smmu2StreamContextType Type => (Smmu2StreamContextType)(Value >> TypeShift & 3);

    /// <summary>CBNDX: the context bank.</summary>
    public int Bank => (int)(Value & 0xff);

    /// <summary>PRIVCFG: 0 as the device says, 2 unprivileged, 3 privileged.</summary>
    public int Privilege => (int)(Value >> PrivilegeShift) & 3;

    /// <summary>INSTCFG, for reads: 0 as the device says, 2 data, 3 instructions.</summary>
    public int Instruction => (int)(Value >> InstructionShift) & 3;

    /// <summary>A bank translates the stream.</summary>
    public static Smmu2StreamContext Translate(int bank) => new((uint)bank);
}
