namespace IommuKit.Models.Smmu2;

/// <summary>
/// PAR and GPAR: what an address translation by registers came to.
/// <code>
///  fault   35 STAGE   33:32 PLVL   31 ATOT   30 UCBF   29 ICF   9:8 FORMAT   7:1 as in FSR   0 F
///  long    63:56 as in MAIR   47:12 address   11 one on version 2   8:7 SH   0 F
///  short   31:12 address   10 NOS   7 SH   6:4 inner   3:2 outer   1 SS (a supersection, bits 39:32 in 23:16)   0 F
/// </code>
/// </summary>
internal static class Smmu2Result
{
    private const ulong Failed = 1;

    /// <summary>ATOT: what stage 2 met, or a bank that cannot be, ended it.</summary>
    public const ulong Terminated = Failed | (1ul << 31);

    /// <summary>ICF.</summary>
    public const ulong InvalidContext = Failed | (1ul << 29);

    /// <summary>UCBF.</summary>
    public const ulong NoSuchBank = Failed | (1ul << 30);

    private const ulong AddressMask = 0x0000_ffff_ffff_f000;
    private const ulong ShortAddressMask = 0xffff_f000;
    private const ulong Second = 1ul << 35;
    private const int LevelShift = 32;
    private const int FormatShift = 8;
    private const int AttributeShift = 56;
    private const int ShareabilityShift = 7;
    private const ulong New = 1ul << 11;
    private const int SupersectionLog2 = 24;
    private const ulong IsSupersection = 1ul << 1;
    private const int HighAddressShift = 16;

    /// <summary>It failed.</summary>
    /// <param name="fault">Why.</param>
    /// <param name="format">The format of the bank's tables; 0 on version 1.</param>
    public static ulong OfFault(in Smmu2Fault fault, Smmu2TableFormat format) => Failed
        | fault.Status
        | ((ulong)format << FormatShift)
        | ((ulong)(uint)fault.Level << LevelShift)
        | (fault.IsSecond ? Second : 0);

    /// <summary>An address, by tables with 64-bit descriptors or none.</summary>
    /// <param name="physical">The address.</param>
    /// <param name="rights">What is known of the page.</param>
    /// <param name="isNew">Whether it is of version 2.</param>
    public static ulong OfLong(ulong physical, ulong rights, bool isNew) => (physical & AddressMask)
        | (isNew ? New : 0)
        | ((rights >> Smmu2Rights.TypeShift & 0xff) << AttributeShift)
        | ((rights >> Smmu2Rights.ShareShift & 3) << ShareabilityShift);

    /// <summary>An address, by tables with 32-bit descriptors.</summary>
    public static ulong OfShort(ulong physical, in Smmu2Page page)
    {
        int type = (int)(page.Rights >> Smmu2Rights.TypeShift) & 0xff;
        bool isDevice = Smmu2Rights.IsDevice(page.Rights);
        ulong inner = !isDevice ? InnerOf(type & 0xf) : type == 0 ? 1ul : 3;
        ulong outer = isDevice ? 3 : OuterOf(type >> 4);
        ulong share = page.Rights >> Smmu2Rights.ShareShift & 3;
        bool isSuper = page.SizeLog2 >= SupersectionLog2;
        ulong address = isSuper
            ? (physical & ~((1ul << SupersectionLog2) - 1) & ShortAddressMask) | ((physical >> 32 & 0xff) << HighAddressShift) | IsSupersection
            : physical & ShortAddressMask;
        return address | ((share != 0 ? 1ul : 0) << ShareabilityShift) | (inner << 4) | (outer << 2);
    }

    // Not cached; write-through; write-back with and without allocation by writes: halves as MAIR has them.
    private static ulong InnerOf(int half) => half switch { 4 => 0, 0xa => 6, 0xe => 7, _ => 5 };

    private static ulong OuterOf(int half) => half switch { 4 => 3, 0xa => 1, 0xe => 0, _ => 2 };
}
