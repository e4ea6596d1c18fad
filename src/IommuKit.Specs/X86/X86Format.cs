using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.X86;

/// <summary>
/// The page tables of x86-64 with four or five levels of 512 entries, which the first stage of Intel VT-d and the guest translation of
/// AMD's IOMMU ("v2") walk too. Entries are described in <see cref="X86Entry"/>.
/// </summary>
/// <remarks>
/// <para>What is present can be read. There is no bit for <see cref="Protection.Cache"/>: memory is cached unless it is
/// <see cref="Protection.Mmio"/>.</para>
/// <para>Entries are stored as used, leaves as written too, so that hardware does not have to set A and D.</para>
/// <para>Pointers grant everything; the rights are in the leaf.</para>
/// </remarks>
public readonly struct X86Format : IPageTableFormat
{
    private const int PageShift = 12;
    private const int BitsPerLevel = 9;

    // Four levels are the fewest.
    private const int LowestRoot = 3;

    // 1 GiB.
    private const int HighestLeaf = 2;

    /// <inheritdoc/>
    public static string Name => "x86-64";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 3;

    /// <inheritdoc/>
    public static int TopLevel => 4;

    /// <inheritdoc/>
    public static bool SignExtendsInput => true;

    /// <inheritdoc/>
    // 4 KiB, 2 MiB, 1 GiB.
    public static ulong PageSizes => (1ul << 12) | (1ul << 21) | (1ul << 30);

    /// <inheritdoc/>
    public static int MaxOutputBits => 52;

    /// <inheritdoc/>
    public static ulong SoftwareBit => X86Entry.Software;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => BitsPerLevel;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => PageShift + (level * BitsPerLevel);

    /// <inheritdoc/>
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits) =>
        Roots.TryFindWhole<X86Format>(inputBits, LowestRoot, out level, out indexBits);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) =>
        (entry & (X86Entry.Present | X86Entry.PageSize)) == X86Entry.Present;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) =>
        tableAddress | X86Entry.Present | X86Entry.Writable | X86Entry.User | X86Entry.Accessed;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => entry & X86Entry.AddressMask;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        X86Entry.Present
        | X86Entry.Accessed
        | X86Entry.Dirty
        | ((protection & Protection.Write) != 0 ? X86Entry.Writable : 0)
        | ((protection & Protection.Privileged) == 0 ? X86Entry.User : 0)
        | ((protection & Protection.Mmio) != 0 ? X86Entry.CacheDisable : 0)
        | ((protection & Protection.NoExecute) != 0 ? X86Entry.NoExecute : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        physicalAddress | attributes | (level != 0 ? X86Entry.PageSize : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level) => entry & X86Entry.AddressMask & (ulong.MaxValue << EntryShift(level));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) => EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level) =>
        Protection.Read
        | ((entry & X86Entry.Writable) != 0 ? Protection.Write : 0)
        | ((entry & X86Entry.User) == 0 ? Protection.Privileged : 0)
        | ((entry & X86Entry.CacheDisable) != 0 ? Protection.Mmio : 0)
        | ((entry & X86Entry.NoExecute) != 0 ? Protection.NoExecute : 0);

    /// <inheritdoc/>
    // The low bits of a big page, but for PAT, and address bits that do not exist are reserved, and PS above the level of 1 GiB.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & X86Entry.Present) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        if (level != 0 && (entry & X86Entry.PageSize) == 0)
        {
            return WalkEntry.Table(TableAddress(entry), level - 1, RightsOf(entry), outputBits, WalkEntryKind.Reserved);
        }

        ulong below = ((1ul << EntryShift(level)) - 1) & X86Entry.AddressMask & ~X86Entry.BigPageMemoryType;
        return level > HighestLeaf || (level != 0 && (entry & below) != 0)
            ? WalkEntry.Of(WalkEntryKind.Reserved)
            : WalkEntry.Leaf(LeafAddress(entry, level), EntryShift(level), LeafProtection(entry, level), outputBits, WalkEntryKind.Reserved);
    }

    private static Protection RightsOf(ulong pointer) => LeafProtection(pointer, 0) & ~Protection.Mmio;
}
