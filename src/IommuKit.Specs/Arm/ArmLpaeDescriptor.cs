namespace IommuKit.Specs.Arm;

/// <summary>
/// Bits of the 64-bit descriptors of VMSAv8-64 (Arm ARM, section D8.3), as the Arm SMMUs walk them.
/// <code>
///            63:59  58:55  54   53   52      51   50  49:48  47:n            15:12      11  10  9:8  7:6      5        4:2       1:0
///  table     (a)    -      -    -    -       -    -   -      next table      51:48 (b)  -   -   -    -        -        -         3
///  stage 1   -      soft   UXN  PXN  CONTIG  DBM  -   -      output address  51:48 (b)  nG  AF  SH   AP[2:1]  NS       AttrIndx  1 block, 3 page
///  stage 2   -      soft   XN[1:0]   CONTIG  DBM  -   -      output address  51:48 (b)  -   AF  SH   S2AP     MemAttr (5:2)      1 block, 3 page
/// </code>
/// (a) NSTable, APTable, UXNTable, PXNTable: limits for everything below, all 0 here.
/// (b) Bits 51:48 of the address, with the 64 KiB granule only. n is 12, 14 or 16 for tables and pages, and the size of the block for blocks.
/// Hardware ignores bits 58:55 of leaves and 58:51 of tables.
/// </summary>
public static class ArmLpaeDescriptor
{
    /// <summary>Bit 0: the descriptor is a table, a block or a page (D8.3.1).</summary>
    public const ulong Valid = 1ul << 0;

    /// <summary>Bit 1: a table above the leaf level, a page at it. A valid descriptor without it is a block (D8.3.1).</summary>
    public const ulong TableOrPage = 1ul << 1;

    /// <summary>Bits 1:0.</summary>
    public const ulong TypeMask = Valid | TableOrPage;

    /// <summary>Stage 1, bits 4:2: which byte of MAIR holds the memory type (D8.6.1).</summary>
    public const int AttributeIndexShift = 2;

    /// <summary>Stage 1, the field <see cref="AttributeIndexShift"/>.</summary>
    public const ulong AttributeIndexMask = 7ul << AttributeIndexShift;

    /// <summary>Stage 1, bit 5: the output address is in the non-secure space. Ignored in walks that are non-secure themselves.</summary>
    public const ulong NonSecure = 1ul << 5;

    /// <summary>Stage 1, bit 6, AP[1]: unprivileged transactions are allowed (D8.4).</summary>
    public const ulong Unprivileged = 1ul << 6;

    /// <summary>Stage 1, bit 7, AP[2]: writes are not allowed (D8.4).</summary>
    public const ulong ReadOnly = 1ul << 7;

    /// <summary>Stage 2, bits 5:2: the memory type itself (D8.6.2).</summary>
    public const int MemoryTypeShift = 2;

    /// <summary>Stage 2, the field <see cref="MemoryTypeShift"/>.</summary>
    public const ulong MemoryTypeMask = 0xful << MemoryTypeShift;

    /// <summary>Stage 2, the upper half of the memory type: 0 for every kind of device memory.</summary>
    public const ulong MemoryTypeNormal = 0xcul << MemoryTypeShift;

    /// <summary>Stage 2, bit 6, S2AP[0]: reads are allowed (D8.4).</summary>
    public const ulong Stage2Readable = 1ul << 6;

    /// <summary>Stage 2, bit 7, S2AP[1]: writes are allowed (D8.4).</summary>
    public const ulong Stage2Writable = 1ul << 7;

    /// <summary>Bits 9:8, SH = 2: outer shareable.</summary>
    public const ulong OuterShareable = 2ul << 8;

    /// <summary>Bits 9:8, SH = 3: inner shareable.</summary>
    public const ulong InnerShareable = 3ul << 8;

    /// <summary>Bit 10, AF: the page has been used. If 0, hardware sets it or faults (D8.5.1).</summary>
    public const ulong AccessFlag = 1ul << 10;

    /// <summary>Stage 1, bit 11, nG: TLB entries belong to the ASID (D8.14.1).</summary>
    public const ulong NotGlobal = 1ul << 11;

    /// <summary>64 KiB granule, bits 15:12: bits 51:48 of the address.</summary>
    public const ulong HighAddressMask = 0xful << 12;

    /// <summary>How far <see cref="HighAddressMask"/> lies below the bits it stands for.</summary>
    public const int HighAddressShift = 36;

    /// <summary>Bits 47:0 of an address; attributes lie above.</summary>
    public const ulong LowAddressMask = (1ul << 48) - 1;

    /// <summary>Bit 51, DBM: hardware makes the page writable on the first write, if it manages the dirty state (D8.5.2).</summary>
    public const ulong DirtyBitModifier = 1ul << 51;

    /// <summary>Bit 52: the entry is one of a group of neighbours that map neighbouring memory in the same way (D8.7.1).</summary>
    public const ulong Contiguous = 1ul << 52;

    /// <summary>Stage 1, bit 53, PXN: privileged transactions may not fetch instructions.</summary>
    public const ulong PrivilegedNoExecute = 1ul << 53;

    /// <summary>Stage 1, bit 54, UXN or XN: unprivileged transactions may not fetch instructions.</summary>
    public const ulong NoExecute = 1ul << 54;

    /// <summary>
    /// Stage 2, bits 54:53, XN[1:0]. Bit 54 forbids to fetch instructions. Bit 53 has a meaning only with FEAT_XNX, where 3 forbids it to
    /// unprivileged transactions alone; Linux sets both bits.
    /// </summary>
    public const ulong Stage2NoExecute = 3ul << 53;

    /// <summary>Stage 1, pointer, bit 60, UXNTable: nothing below may be executed by unprivileged transactions (D8.4).</summary>
    public const ulong TableNoExecute = 1ul << 60;

    /// <summary>Stage 1, pointer, bit 61, APTable[0]: everything below is for privileged transactions only (D8.4).</summary>
    public const ulong TablePrivileged = 1ul << 61;

    /// <summary>Stage 1, pointer, bit 62, APTable[1]: nothing below can be written (D8.4).</summary>
    public const ulong TableReadOnly = 1ul << 62;

    /// <summary>The first of the bits 58:55 that are software's own, in tables too.</summary>
    public const ulong Software = 1ul << 55;
}
