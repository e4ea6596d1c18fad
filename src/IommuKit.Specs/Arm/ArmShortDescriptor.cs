using System.Runtime.CompilerServices;

namespace IommuKit.Specs.Arm;

/// <summary>
/// Bits of the 32-bit short descriptors of VMSAv8-32 and VMSAv7 (Arm ARM, section G5.4).
/// <code>
///  level 1        31:24    23:20  19  18  17  16  15     14:12  11:10    9  8:5     4   3   2  1:0
///  table          table address, bits 31:10                              -  domain  -   NS  -  1
///  section        address         NS  0   nG  S   AP[2]  TEX    AP[1:0]  -  domain  XN  C   B  2
///  supersection   address  0      NS  1   nG  S   AP[2]  TEX    AP[1:0]  -  0       XN  C   B  2
///
///  level 2        31:16    15     14:12   11  10  9      8:6    5:4                     3   2  1  0
///  large page     address  XN     TEX     nG  S   AP[2]  0      AP[1:0]                 C   B  0  1
///  small page     address, bits 31:12     nG  S   AP[2]  TEX    AP[1:0]                 C   B  1  XN
/// </code>
/// Access permissions are of the kind AP[2:1], where AP[0] is the access flag (SCTLR.AFE = 1). Constants without a kind of entry in their
/// name are places in a small page.
/// </summary>
public static class ArmShortDescriptor
{
    /// <summary>Bits 1:0.</summary>
    public const uint TypeMask = 3;

    /// <summary>Bits 1:0 at level 1: the entry points to a table.</summary>
    public const uint Table = 1;

    /// <summary>Bits 1:0 at level 1: section or supersection.</summary>
    public const uint Section = 2;

    /// <summary>Bits 1:0 at level 2: one of 16 entries of a large page.</summary>
    public const uint LargePage = 1;

    /// <summary>Bit 1 at level 2: a small page; bit 0 is <see cref="NoExecute"/>.</summary>
    public const uint SmallPage = 2;

    /// <summary>Bit 0, XN: no instructions may be fetched.</summary>
    public const uint NoExecute = 1u << 0;

    /// <summary>Bit 2, B: part of the memory type. Its place is the same in every kind of leaf.</summary>
    public const uint Bufferable = 1u << 2;

    /// <summary>Bit 3, C: part of the memory type. Its place is the same in every kind of leaf.</summary>
    public const uint Cacheable = 1u << 3;

    /// <summary>Bit 4, AP[0]: the page has been used.</summary>
    public const uint AccessFlag = 1u << 4;

    /// <summary>Bit 5, AP[1]: unprivileged transactions are allowed.</summary>
    public const uint Unprivileged = 1u << 5;

    /// <summary>Bits 8:6, TEX: part of the memory type.</summary>
    public const uint TypeExtensionMask = 7u << 6;

    /// <summary>
    /// Bits 8:6, TEX = 1: normal memory, not cached if C and B are 0, write-back if they are 1. TEX = 0 with B is a shareable device.
    /// </summary>
    public const uint NormalMemory = 1u << 6;

    /// <summary>Bit 9, AP[2]: writes are not allowed.</summary>
    public const uint ReadOnly = 1u << 9;

    /// <summary>Bit 10, S: shareable.</summary>
    public const uint Shareable = 1u << 10;

    /// <summary>Bit 11, nG: TLB entries belong to the ASID.</summary>
    public const uint NotGlobal = 1u << 11;

    /// <summary>Section, bit 4: <see cref="NoExecute"/>.</summary>
    public const uint SectionNoExecute = 1u << 4;

    /// <summary>Section, bit 18: one of 16 entries of a supersection.</summary>
    public const uint Supersection = 1u << 18;

    /// <summary>Supersection, bits 23:20 and 8:5: bits 39:32 of the address, where there are such.</summary>
    public const uint SupersectionHighAddress = (0xfu << 20) | (0xfu << 5);

    /// <summary>Large page, bit 15: <see cref="NoExecute"/>.</summary>
    public const uint LargePageNoExecute = 1u << 15;

    /// <summary>Bits of a pointer that hold the address of a table of 256 entries.</summary>
    public const uint TableMask = 0xffff_fc00;

    /// <summary>Log2 of the bytes in a small page.</summary>
    public const int SmallPageShift = 12;

    /// <summary>Log2 of the bytes in a large page.</summary>
    public const int LargePageShift = 16;

    /// <summary>Log2 of the bytes in a section, and of the range of one table.</summary>
    public const int SectionShift = 20;

    /// <summary>Log2 of the bytes in a supersection.</summary>
    public const int SupersectionShift = 24;

    // AP, TEX, S and nG of a small page are bits 11:4; sections have the same field at 17:10.
    private const uint FieldMask = 0xff0;
    private const int SectionFieldShift = 6;

    // TEX of a large page is at 14:12.
    private const int LargePageTypeShift = 6;

    /// <summary>The attributes of a small page, at their places in a section.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ToSection(uint attributes) =>
        ((attributes & FieldMask) << SectionFieldShift)
        | ((attributes & NoExecute) * SectionNoExecute)
        | (attributes & (Cacheable | Bufferable))
        | Section;

    /// <summary>The attributes of a small page, at their places in a large page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ToLargePage(uint attributes) =>
        (attributes & ~(TypeExtensionMask | TypeMask))
        | ((attributes & TypeExtensionMask) << LargePageTypeShift)
        | ((attributes & NoExecute) * LargePageNoExecute)
        | LargePage;

    /// <summary>The attributes of a section or supersection, at their places in a small page.</summary>
    public static uint FromSection(uint entry) =>
        ((entry >> SectionFieldShift) & FieldMask)
        | ((entry & SectionNoExecute) / SectionNoExecute)
        | (entry & (Cacheable | Bufferable))
        | SmallPage;

    /// <summary>The attributes of a large page, at their places in a small page.</summary>
    public static uint FromLargePage(uint entry) =>
        (entry & FieldMask & ~TypeExtensionMask)
        | ((entry >> LargePageTypeShift) & TypeExtensionMask)
        | ((entry & LargePageNoExecute) / LargePageNoExecute)
        | (entry & (Cacheable | Bufferable))
        | SmallPage;
}
