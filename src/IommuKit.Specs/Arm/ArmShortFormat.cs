using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Arm;

/// <summary>
/// The 32-bit page tables of VMSAv7: a root of 4096 entries for 1 MiB each, tables of 256 entries for 4 KiB each. Entries are described in
/// <see cref="ArmShortDescriptor"/>. Arm counts levels from the top: level 1 here is Arm's level 1, level 0 is Arm's level 2.
/// </summary>
/// <remarks>
/// <para>The attributes that <see cref="LeafAttributes"/> returns are those of a small page; <see cref="LeafEntry"/> moves them.</para>
/// <para>Large pages and supersections are one entry, 16 times. Supersections with addresses of 40 bits are not supported.</para>
/// <para>Domain 0 is used throughout. Everything can be read; <see cref="Protection.Mmio"/> wins over <see cref="Protection.Cache"/>.</para>
/// </remarks>
public readonly struct ArmShortFormat : IPageTableFormat
{
    private const int RootLevel = 1;
    private const int RootIndexBits = 12;
    private const int TableIndexBits = 8;

    /// <inheritdoc/>
    public static string Name => "arm-v7s";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 2;

    /// <inheritdoc/>
    public static int TopLevel => RootLevel;

    /// <inheritdoc/>
    public static ulong PageSizes =>
        (1ul << ArmShortDescriptor.SmallPageShift)
        | (1ul << ArmShortDescriptor.LargePageShift)
        | (1ul << ArmShortDescriptor.SectionShift)
        | (1ul << ArmShortDescriptor.SupersectionShift);

    /// <inheritdoc/>
    public static int MaxOutputBits => 32;

    /// <inheritdoc/>
    public static bool HasGroups => true;

    /// <inheritdoc/>
    public static bool GroupsRepeatOneEntry => true;

    /// <inheritdoc/>
    public static bool NeedsBreakBeforeMake => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => level == RootLevel ? RootIndexBits : TableIndexBits;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => level == RootLevel ? ArmShortDescriptor.SectionShift : ArmShortDescriptor.SmallPageShift;

    /// <inheritdoc/>
    // The root of TTBR0 with TTBCR.N = 0 has all its entries, also where software uses fewer bits.
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        level = RootLevel;
        indexBits = RootIndexBits;
        return inputBits is > ArmShortDescriptor.SectionShift and <= ArmShortDescriptor.SectionShift + RootIndexBits;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) => ((uint)entry & ArmShortDescriptor.TypeMask) == ArmShortDescriptor.Table;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) => tableAddress | ArmShortDescriptor.Table;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => entry & ArmShortDescriptor.TableMask;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        ArmShortDescriptor.SmallPage
        | ArmShortDescriptor.NotGlobal
        | ArmShortDescriptor.Shareable
        | ArmShortDescriptor.AccessFlag
        | ((protection & Protection.Privileged) == 0 ? ArmShortDescriptor.Unprivileged : 0)
        | ((protection & Protection.Write) == 0 ? ArmShortDescriptor.ReadOnly : 0)
        | ((protection & Protection.NoExecute) != 0 ? ArmShortDescriptor.NoExecute : 0)
        | MemoryType(protection);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2)
    {
        uint placed = (uint)attributes;
        if (level == RootLevel)
        {
            placed = ArmShortDescriptor.ToSection(placed) | (sizeLog2 == ArmShortDescriptor.SupersectionShift ? ArmShortDescriptor.Supersection : 0);
        }
        else if (sizeLog2 == ArmShortDescriptor.LargePageShift)
        {
            placed = ArmShortDescriptor.ToLargePage(placed);
        }

        return physicalAddress | placed;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level) => entry & (uint.MaxValue << LeafSizeLog2(entry, level));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) => level == RootLevel
        ? (entry & ArmShortDescriptor.Supersection) != 0 ? ArmShortDescriptor.SupersectionShift : ArmShortDescriptor.SectionShift
        : (entry & ArmShortDescriptor.SmallPage) != 0 ? ArmShortDescriptor.SmallPageShift : ArmShortDescriptor.LargePageShift;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level)
    {
        uint attributes = AttributesOf((uint)entry, level);
        bool isDevice = (attributes & ArmShortDescriptor.TypeExtensionMask) == 0;
        return Protection.Read
            | ((attributes & ArmShortDescriptor.ReadOnly) == 0 ? Protection.Write : 0)
            | ((attributes & ArmShortDescriptor.Unprivileged) == 0 ? Protection.Privileged : 0)
            | ((attributes & ArmShortDescriptor.NoExecute) != 0 ? Protection.NoExecute : 0)
            | (isDevice ? Protection.Mmio : (attributes & ArmShortDescriptor.Cacheable) != 0 ? Protection.Cache : 0);
    }

    /// <inheritdoc/>
    // For an SMMU that uses AP[0] as the access flag. Bits 1:0 = 3 at level 1 are a section that privileged transactions may not execute. A
    // supersection with address bits above 31 does not exist here.
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        uint type = (uint)entry & ArmShortDescriptor.TypeMask;
        if (type == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        if (level == RootLevel && type == ArmShortDescriptor.Table)
        {
            return WalkEntry.Table(TableAddress(entry), 0, Protection.Read | Protection.Write, outputBits);
        }

        int size = LeafSizeLog2(entry, level);
        if (size == ArmShortDescriptor.SupersectionShift && (entry & ArmShortDescriptor.SupersectionHighAddress) != 0)
        {
            return WalkEntry.Of(WalkEntryKind.AddressTooWide);
        }

        uint attributes = AttributesOf((uint)entry, level);
        return (attributes & ArmShortDescriptor.AccessFlag) == 0
            ? WalkEntry.Of(WalkEntryKind.NotAccessed)
            : WalkEntry.Leaf(LeafAddress(entry, level), size, LeafProtection(entry, level), outputBits);
    }

    /// <summary>The attributes of a leaf of any kind, at their places in a small page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint AttributesOf(uint entry, int level) => level == RootLevel ? ArmShortDescriptor.FromSection(entry)
        : (entry & ArmShortDescriptor.SmallPage) != 0 ? entry
        : ArmShortDescriptor.FromLargePage(entry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint MemoryType(Protection protection)
    {
        if ((protection & Protection.Mmio) != 0)
        {
            return ArmShortDescriptor.Bufferable;
        }

        return ArmShortDescriptor.NormalMemory
            | ((protection & Protection.Cache) != 0 ? ArmShortDescriptor.Cacheable | ArmShortDescriptor.Bufferable : 0);
    }
}
