using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Vtd;

/// <summary>
/// The second-stage page tables of Intel VT-d (VT-d specification, section 3.7), also those of its legacy mode: three, four or five levels
/// of 512 entries. Entries are described in <see cref="VtdSecondStageEntry"/>.
/// </summary>
/// <remarks>
/// <para>Pointers grant everything; the rights are in the leaf, which may be for writing only.</para>
/// <para>There is no bit for <see cref="Protection.NoExecute"/> (X is not used), <see cref="Protection.Mmio"/> and
/// <see cref="Protection.Privileged"/>. A and D start as 0: where they are enabled, they tell what has been used since.</para>
/// <para>Pages of 2 MiB and 1 GiB need CAP.SSLPS.</para>
/// </remarks>
public readonly struct VtdSecondStageFormat : IPageTableFormat
{
    private const int PageShift = 12;
    private const int BitsPerLevel = 9;

    // There are no roots for fewer levels.
    private const int LowestRoot = 2;

    // 1 GiB.
    private const int HighestLeaf = 2;

    /// <inheritdoc/>
    public static string Name => "vtd-ss";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 3;

    /// <inheritdoc/>
    public static int TopLevel => 4;

    /// <inheritdoc/>
    // 4 KiB, 2 MiB, 1 GiB.
    public static ulong PageSizes => (1ul << 12) | (1ul << 21) | (1ul << 30);

    /// <inheritdoc/>
    public static int MaxOutputBits => 52;

    /// <inheritdoc/>
    public static ulong SoftwareBit => VtdSecondStageEntry.Software;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => BitsPerLevel;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => PageShift + (level * BitsPerLevel);

    /// <inheritdoc/>
    // Widths are 39, 48 and 57 bits (AW); less than that is a limit of software or of the device.
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits) =>
        Roots.TryFindWhole<VtdSecondStageFormat>(inputBits, LowestRoot, out level, out indexBits);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) =>
        (entry & (VtdSecondStageEntry.Readable | VtdSecondStageEntry.PageSize)) == VtdSecondStageEntry.Readable;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) =>
        tableAddress | VtdSecondStageEntry.Readable | VtdSecondStageEntry.Writable;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => entry & VtdSecondStageEntry.AddressMask;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        ((protection & Protection.Read) != 0 ? VtdSecondStageEntry.Readable : 0)
        | ((protection & Protection.Write) != 0 ? VtdSecondStageEntry.Writable : 0)
        | ((protection & Protection.Cache) != 0 ? VtdSecondStageEntry.Snoop : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        physicalAddress | attributes | (level != 0 ? VtdSecondStageEntry.PageSize : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level) =>
        entry & VtdSecondStageEntry.AddressMask & (ulong.MaxValue << EntryShift(level));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) => EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level) =>
        ((entry & VtdSecondStageEntry.Readable) != 0 ? Protection.Read : 0)
        | ((entry & VtdSecondStageEntry.Writable) != 0 ? Protection.Write : 0)
        | ((entry & VtdSecondStageEntry.Snoop) != 0 ? Protection.Cache : 0);

    /// <inheritdoc/>
    // The low bits of a big page and address bits that do not exist are reserved, and PS above the level of 1 GiB.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & (VtdSecondStageEntry.Readable | VtdSecondStageEntry.Writable)) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        var rights = LeafProtection(entry, level);
        if (level != 0 && (entry & VtdSecondStageEntry.PageSize) == 0)
        {
            return WalkEntry.Table(TableAddress(entry), level - 1, rights & ~Protection.Cache, outputBits, WalkEntryKind.Reserved);
        }

        ulong below = ((1ul << EntryShift(level)) - 1) & VtdSecondStageEntry.AddressMask;
        return level > HighestLeaf || (entry & below) != 0
            ? WalkEntry.Of(WalkEntryKind.Reserved)
            : WalkEntry.Leaf(LeafAddress(entry, level), EntryShift(level), rights, outputBits, WalkEntryKind.Reserved);
    }
}
