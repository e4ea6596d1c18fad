using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Arm;

/// <summary>
/// The 64-bit page tables of VMSAv8-64 (Arm ARM, chapter D8), which SMMUv2 and SMMUv3 walk. Entries are described in
/// <see cref="ArmLpaeDescriptor"/>. Arm counts levels from the top: level 0 here is Arm's level 3, level 3 here is Arm's level 0.
/// </summary>
/// <remarks>
/// <para>The root has as many entries as the input width needs. A root of less than 64 bytes must nevertheless be aligned to 64.</para>
/// <para>At stage 2 a root at Arm's level 0 of at most 16 entries is replaced by as many tables of level 1, one after the other; and where physical
/// addresses have 40 bits, with the granule of 16 KiB, one at level 1 by tables of level 2 (Arm ARM D8.2.2, R_SRKBC).</para>
/// <para>52-bit addresses with the granules of 4 and 16 KiB (FEAT_LPA2) are not supported: they move SH out of the descriptor.</para>
/// <para>Neighbours of a group each hold their own address and the Contiguous bit.</para>
/// </remarks>
/// <typeparam name="TGranule">The granule.</typeparam>
/// <typeparam name="TStage">The stage.</typeparam>
public readonly struct ArmLpae<TGranule, TStage> : IPageTableFormat
    where TGranule : struct, IArmGranule
    where TStage : struct, IArmStage
{
    // Arm's level 0, which has no leaves.
    private const int LevelWithoutLeaves = 3;

    // 16 tables can be one root.
    private const int ConcatenationBits = 4;

    // Where a root at level 1 is replaced too.
    private const int ConcatenatingPageShift = 14;
    private const int ConcatenatingOutputBits = 40;

    // Wider output addresses have their top bits at the bottom of the descriptor.
    private const int PlainAddressBits = 48;

    // 4 TiB, the block that came with 52-bit addresses.
    private const ulong WideBlock = 1ul << 42;

    /// <inheritdoc/>
    public static string Name { get; } = $"arm-lpae-{TGranule.Name}-{TStage.Name}";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 3;

    /// <inheritdoc/>
    public static int TopLevel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TGranule.AddressBits - TGranule.PageShift - 1) / BitsPerLevel;
    }

    /// <inheritdoc/>
    public static ulong PageSizes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TGranule.PageSizes;
    }

    /// <inheritdoc/>
    public static int MaxOutputBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TGranule.AddressBits;
    }

    /// <inheritdoc/>
    public static int LinearOutputBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => HasWideAddresses ? PlainAddressBits : 64;
    }

    /// <inheritdoc/>
    public static ulong SoftwareBit => ArmLpaeDescriptor.Software;

    /// <inheritdoc/>
    public static bool HasGroups => true;

    /// <inheritdoc/>
    public static bool NeedsBreakBeforeMake => true;

    private static int BitsPerLevel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TGranule.PageShift - EntrySizeLog2;
    }

    private static bool HasWideAddresses
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TGranule.AddressBits > PlainAddressBits;
    }

    private static ulong TableMask
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ArmLpaeDescriptor.LowAddressMask & (ulong.MaxValue << TGranule.PageShift);
    }

    /// <inheritdoc/>
    // The block of 4 TiB came with FEAT_LPA.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong PageSizeMask(int outputBits) => outputBits > PlainAddressBits ? ulong.MaxValue : ~WideBlock;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => Math.Min(BitsPerLevel, TGranule.AddressBits - EntryShift(level));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => TGranule.PageShift + (level * BitsPerLevel);

    /// <inheritdoc/>
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        if (!Roots.TryFindLevel<ArmLpae<TGranule, TStage>>(inputBits, out level) || level == 0)
        {
            indexBits = 0;
            return false;
        }

        indexBits = inputBits - EntryShift(level);
        if (TStage.ConcatenatesTables && level == LevelWithoutLeaves && indexBits <= ConcatenationBits)
        {
            level--;
            indexBits += BitsPerLevel;
        }

        return true;
    }

    /// <inheritdoc/>
    public static bool HasLowerRoot(int outputBits, int level, int indexBits) =>
        TStage.ConcatenatesTables
        && TGranule.PageShift == ConcatenatingPageShift
        && outputBits == ConcatenatingOutputBits
        && level == LevelWithoutLeaves - 1
        && indexBits <= ConcatenationBits;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) => (entry & ArmLpaeDescriptor.TypeMask) == ArmLpaeDescriptor.TypeMask;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) => Pack(tableAddress) | ArmLpaeDescriptor.TypeMask;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => Unpack(entry, TableMask);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) => TStage.LeafAttributes(protection);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        Pack(physicalAddress)
        | attributes
        | (level == 0 ? ArmLpaeDescriptor.TableOrPage : 0)
        | (sizeLog2 != EntryShift(level) ? ArmLpaeDescriptor.Contiguous : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level) =>
        Unpack(entry, ArmLpaeDescriptor.LowAddressMask & (ulong.MaxValue << EntryShift(level)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) =>
        EntryShift(level) + ((entry & ArmLpaeDescriptor.Contiguous) != 0 ? TGranule.GroupLog2(level) : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level) => TStage.LeafProtection(entry);

    /// <inheritdoc/>
    // For an SMMU that does not set the access flag by itself, and obeys the limits of pointers.
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & ArmLpaeDescriptor.Valid) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        bool hasSecondBit = (entry & ArmLpaeDescriptor.TableOrPage) != 0;
        if (level != 0 && hasSecondBit)
        {
            return WalkEntry.Table(TableAddress(entry), level - 1, TStage.TableProtection(entry), outputBits);
        }

        // Blocks are not at every level; a page has both bits.
        bool isLeaf = level == 0 ? hasSecondBit : (PageSizes & PageSizeMask(outputBits) & LeafStep(level)) != 0;
        if (!isLeaf)
        {
            return WalkEntry.Of(WalkEntryKind.Reserved);
        }

        return (entry & ArmLpaeDescriptor.AccessFlag) == 0
            ? WalkEntry.Of(WalkEntryKind.NotAccessed)
            : WalkEntry.Leaf(LeafAddress(entry, level), EntryShift(level), LeafProtection(entry, level), outputBits);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Pack(ulong address) => HasWideAddresses
        ? (address & ArmLpaeDescriptor.LowAddressMask) | ((address >> ArmLpaeDescriptor.HighAddressShift) & ArmLpaeDescriptor.HighAddressMask)
        : address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Unpack(ulong entry, ulong lowMask) => HasWideAddresses
        ? (entry & lowMask) | ((entry & ArmLpaeDescriptor.HighAddressMask) << ArmLpaeDescriptor.HighAddressShift)
        : entry & lowMask;
}
