namespace IommuKit.Specs.RiscV;

/// <summary>
/// Bits of the 64-bit page-table entries of Sv39, Sv48 and Sv57, and of their second-stage forms (RISC-V privileged architecture, sections
/// "Sv39" and "Sv39x4", and the extensions Svnapot and Svpbmt).
/// <code>
///            63  62:61  60:54  53:10  9:8   7  6  5  4  3  2  1  0
///  pointer   0   0      0      PPN    soft  0  0  0  0  0  0  0  V
///  leaf      N   PBMT   0      PPN    soft  D  A  G  U  X  W  R  V
/// </code>
/// An entry without R, W and X points to a table. W without R is reserved.
/// </summary>
public static class RiscVEntry
{
    /// <summary>Bit 0, V: the entry is a pointer or a leaf.</summary>
    public const ulong Valid = 1ul << 0;

    /// <summary>Bit 1, R: reads are allowed.</summary>
    public const ulong Readable = 1ul << 1;

    /// <summary>Bit 2, W: writes are allowed.</summary>
    public const ulong Writable = 1ul << 2;

    /// <summary>Bit 3, X: instructions may be fetched.</summary>
    public const ulong Executable = 1ul << 3;

    /// <summary>R, W and X: all 0 in a pointer.</summary>
    public const ulong LeafMask = Readable | Writable | Executable;

    /// <summary>Bit 4, U: the page is for unprivileged transactions. Every second-stage leaf needs it.</summary>
    public const ulong User = 1ul << 4;

    /// <summary>Bit 5, G: the mapping exists in all address spaces. Not used.</summary>
    public const ulong Global = 1ul << 5;

    /// <summary>Bit 6, A: the page has been used. If 0, hardware sets it or faults.</summary>
    public const ulong Accessed = 1ul << 6;

    /// <summary>Bit 7, D: the page has been written. If 0, hardware sets it or faults on a write.</summary>
    public const ulong Dirty = 1ul << 7;

    /// <summary>The first of the bits 9:8 (RSW) that are software's own, in pointers too.</summary>
    public const ulong Software = 1ul << 8;

    /// <summary>Bits 53:10, PPN: bits 55:12 of the address.</summary>
    public const ulong FrameMask = ((1ul << 44) - 1) << 10;

    /// <summary>How far <see cref="FrameMask"/> lies below the bits of the address.</summary>
    public const int FrameShift = 2;

    /// <summary>PPN bits 3:0 = 8, in a leaf with <see cref="Napot"/>: the group is 64 KiB. Other values are reserved.</summary>
    public const ulong Napot64K = 8ul << 10;

    /// <summary>PPN bits 3:0, which hold the size of a leaf with <see cref="Napot"/>.</summary>
    public const ulong NapotMask = 0xful << 10;

    /// <summary>Bits 60:54: a fault if one is set.</summary>
    public const ulong ReservedMask = 0x7ful << 54;

    /// <summary>What a pointer must not have, as it means something in leaves only: U, A, D, PBMT and N.</summary>
    public const ulong ReservedInPointer = User | Accessed | Dirty | MemoryTypeMask | Napot;

    /// <summary>Bits 62:61, PBMT.</summary>
    public const ulong MemoryTypeMask = 3ul << 61;

    /// <summary>PBMT = 2, IO: not cached, not idempotent, strongly ordered. PBMT = 0 leaves the type to the attributes of the memory.</summary>
    public const ulong MemoryTypeIo = 2ul << 61;

    /// <summary>Bit 63, N: the entry is one of a group of 16 that all hold the same (Svnapot).</summary>
    public const ulong Napot = 1ul << 63;
}
