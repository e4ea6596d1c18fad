using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Amd;

/// <summary>
/// AMD's own IOMMU page tables, "v1": up to six levels of 512 entries, and pages of almost every power of two. Entries are described in
/// <see cref="AmdV1Entry"/>. AMD counts levels from 1: level 0 here is AMD's level 1.
/// </summary>
/// <remarks>
/// <para>A page of a size between those of two levels is one entry, repeated. Pages of 512 GiB are left out, because hardware has a defect there;
/// the largest are 2^51 bytes. The top level, of which IOVA bits 63:57 use 128 entries, has no leaves.</para>
/// <para>Pointers grant everything; the rights are in the leaf, which may be for writing only.</para>
/// <para>There is no bit for <see cref="Protection.NoExecute"/>, <see cref="Protection.Mmio"/> and <see cref="Protection.Privileged"/>.</para>
/// <para>Walks are coherent, so that no software bit is needed.</para>
/// </remarks>
public readonly struct AmdV1Format : IPageTableFormat
{
    private const int PageShift = 12;
    private const int BitsPerLevel = 9;
    private const int IovaBits = 64;

    // Log2 of the size that a leaf with its size in the address has if there are no ones.
    private const int SmallestSizeInAddress = PageShift + 1;

    // 512 GiB.
    private const ulong DefectiveSize = 1ul << 39;

    /// <inheritdoc/>
    public static string Name => "amd-v1";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 3;

    /// <inheritdoc/>
    public static int TopLevel => 5;

    /// <inheritdoc/>
    // 2^12 to 2^51: the same bits as the addresses.
    public static ulong PageSizes => AmdV1Entry.AddressMask & ~DefectiveSize;

    /// <inheritdoc/>
    public static int MaxOutputBits => 52;

    /// <inheritdoc/>
    public static bool HasGroups => true;

    /// <inheritdoc/>
    public static bool GroupsRepeatOneEntry => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => Math.Min(BitsPerLevel, IovaBits - EntryShift(level));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => PageShift + (level * BitsPerLevel);

    /// <inheritdoc/>
    // A table is a page, at the top too.
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits) =>
        Roots.TryFindWhole<AmdV1Format>(inputBits, 1, out level, out indexBits);

    /// <inheritdoc/>
    // 1 to 6; 0 and 7 are leaves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) => ((NextLevel(entry) - 1) & AmdV1Entry.SizeInAddress) < AmdV1Entry.SizeInAddress - 1;

    /// <inheritdoc/>
    // AMD's number of the table below is the number of this level here.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) =>
        tableAddress
        | ((ulong)(uint)level << AmdV1Entry.NextLevelShift)
        | AmdV1Entry.Present
        | AmdV1Entry.Readable
        | AmdV1Entry.Writable;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => entry & AmdV1Entry.AddressMask;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        AmdV1Entry.Present
        | ((protection & Protection.Read) != 0 ? AmdV1Entry.Readable : 0)
        | ((protection & Protection.Write) != 0 ? AmdV1Entry.Writable : 0)
        | ((protection & Protection.Cache) != 0 ? AmdV1Entry.ForceCoherent : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2)
    {
        ulong ones = ((1ul << (sizeLog2 - 1)) - 1) & AmdV1Entry.AddressMask;
        ulong size = ones | (AmdV1Entry.SizeInAddress << AmdV1Entry.NextLevelShift);
        return physicalAddress | attributes | (sizeLog2 == EntryShift(level) ? 0 : size);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    /// <inheritdoc/>
    // Adding 1 to the page number turns the ones, and only them, into zeros; the lowest bit of NextLevel tells whether to.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level)
    {
        ulong address = entry & AmdV1Entry.AddressMask;
        return address & (address + ((NextLevel(entry) & 1) << PageShift));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) => NextLevel(entry) == AmdV1Entry.SizeInAddress
        ? SmallestSizeInAddress + BitOperations.TrailingZeroCount(~(entry >> PageShift))
        : EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level) =>
        ((entry & AmdV1Entry.Readable) != 0 ? Protection.Read : 0)
        | ((entry & AmdV1Entry.Writable) != 0 ? Protection.Write : 0)
        | ((entry & AmdV1Entry.ForceCoherent) != 0 ? Protection.Cache : 0);

    /// <inheritdoc/>
    // A pointer may leave levels out, but not go up. A size in the address is one between those of its level and the next.
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & AmdV1Entry.Present) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        var rights = LeafProtection(entry, level);
        if (IsTable(entry, level))
        {
            int next = (int)NextLevel(entry) - 1;
            return next >= level || (entry & AmdV1Entry.ReservedInPointer) != 0
                ? WalkEntry.Of(WalkEntryKind.Reserved)
                : WalkEntry.Table(TableAddress(entry), next, rights & ~Protection.Cache, outputBits);
        }

        int size = LeafSizeLog2(entry, level);
        bool isOfLevel = level < TopLevel && size >= EntryShift(level) && size < EntryShift(level + 1)
            && (size > EntryShift(level) || NextLevel(entry) == 0);
        return !isOfLevel || (entry & AmdV1Entry.ReservedInLeaf) != 0
            ? WalkEntry.Of(WalkEntryKind.Reserved)
            : WalkEntry.Leaf(LeafAddress(entry, level) & (ulong.MaxValue << size), size, rights, outputBits);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong NextLevel(ulong entry) => (entry >> AmdV1Entry.NextLevelShift) & AmdV1Entry.SizeInAddress;
}
