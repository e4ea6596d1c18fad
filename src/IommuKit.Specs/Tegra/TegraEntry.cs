using System.Runtime.CompilerServices;
namespace IommuKit.Specs.Tegra;

/// <summary>
/// Rights that exist at each level of a Tegra walk: in the root (PTB), in a directory entry (PDE) and in a page entry (PTE).
/// A walk's rights are those that every level grants. There is no valid bit: an entry grants something or nothing.
/// <code>
///        31  30  29   28      27:22  21:0
///  PTB   R   W   NS   -       -      page directory, address bits 33:12
///  PDE   R   W   NS   NEXT    -      page table, or with NEXT = 0 a 4 MiB section whose low 10 bits here are 0
///  PTE   R   W   NS   -       -      page
/// </code>
/// </summary>
public static class TegraEntry
{
    /// <summary>Reads are allowed.</summary>
    public const uint Readable = 1u << 31;

    /// <summary>Writes are allowed.</summary>
    public const uint Writable = 1u << 30;

    /// <summary>Clients outside the secure world are allowed.</summary>
    public const uint NonSecure = 1u << 29;

    /// <summary>PDE only: the entry points to a page table.</summary>
    public const uint Next = 1u << 28;

    /// <summary>The three rights.</summary>
    public const uint RightsMask = Readable | Writable | NonSecure;

    /// <summary>The page frame number: 22 bits, of which 20 are used on parts with 32-bit physical addresses.</summary>
    public const uint FrameMask = 0x3f_ffff;

    /// <summary>Log2 of the bytes in a page.</summary>
    public const int PageShift = 12;

    /// <summary>Log2 of the bytes in a section, and of the IOVA range of one page table.</summary>
    public const int SectionShift = 22;

    /// <summary>Log2 of the entries in a directory and in a page table.</summary>
    public const int IndexBits = 10;

    /// <summary>The physical address that an entry's frame number names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Address(uint entry) => (ulong)(entry & FrameMask) << PageShift;

    /// <summary>The frame number of a physical address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Frame(ulong physicalAddress) => (uint)(physicalAddress >> PageShift) & FrameMask;
}
