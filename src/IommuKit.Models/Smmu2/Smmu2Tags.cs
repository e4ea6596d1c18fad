using IommuKit.Models.Caches;

namespace IommuKit.Models.Smmu2;

/// <summary>
/// The space of a translation, or of a pointer to a table, in the caches: whose it is, never by which bank it came.
/// <code>
///  63 valid   51:46 log2 of the page of stage 1 that it is a piece of   40:35 its size, as the class   34 global   32 of stage 2 alone
///  31:16 ASID   15:0 VMID
/// </code>
/// </summary>
internal static class Smmu2Tags
{
    public const ulong VmidMask = 0xffff;
    public const int AsidShift = 16;
    public const ulong AsidMask = 0xffff_0000;
    public const ulong Second = 1ul << 32;
    public const ulong Global = 1ul << 34;
    public const int OriginShift = 46;
    public const ulong OriginMask = 0x3ful << OriginShift;

    /// <summary>What a look-up compares.</summary>
    public const ulong LookUpMask = HardwareCache.Valid | HardwareCache.ClassMask | Second | AsidMask | VmidMask;

    public static ulong ClassOf(int shift) => (ulong)(uint)shift << HardwareCache.ClassShift;

    public static ulong OfFirst(ushort vmid, ushort asid) => HardwareCache.Valid | vmid | ((ulong)asid << AsidShift);

    public static ulong OfSecond(ushort vmid) => HardwareCache.Valid | Second | vmid;
}
