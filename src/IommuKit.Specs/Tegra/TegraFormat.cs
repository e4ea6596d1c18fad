using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Tegra;

/// <summary>
/// The Tegra SMMU's page tables: a directory and tables of 1024 entries of 32 bits, pages of 4 KiB, sections of 4 MiB.
/// Entries are described in <see cref="TegraEntry"/>.
/// </summary>
/// <remarks>
/// Directory entries grant everything, as Linux's do; the rights are in the leaf. A page mapped with
/// <see cref="Protection.None"/> stores an entry with only the non-secure bit: it is not vacant, and no access passes it.
/// </remarks>
public readonly struct TegraFormat : IPageTableFormat
{
    private const int DirectoryLevel = 1;

    /// <inheritdoc/>
    public static string Name => "tegra";

    /// <inheritdoc/>
    public static int EntrySizeLog2 => 2;

    /// <inheritdoc/>
    public static int TopLevel => DirectoryLevel;

    /// <inheritdoc/>
    public static ulong PageSizes => (1ul << TegraEntry.PageShift) | (1ul << TegraEntry.SectionShift);

    /// <inheritdoc/>
    public static int MaxOutputBits => 34;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexBits(int level) => TegraEntry.IndexBits;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EntryShift(int level) => level == DirectoryLevel ? TegraEntry.SectionShift : TegraEntry.PageShift;

    /// <inheritdoc/>
    // The directory has all its entries on every part, also where software uses fewer bits.
    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        level = DirectoryLevel;
        indexBits = TegraEntry.IndexBits;
        return inputBits is > TegraEntry.SectionShift and <= TegraEntry.SectionShift + TegraEntry.IndexBits;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTable(ulong entry, int level) => (entry & TegraEntry.Next) != 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableEntry(ulong tableAddress, int level) =>
        TegraEntry.RightsMask | TegraEntry.Next | TegraEntry.Frame(tableAddress);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong TableAddress(ulong entry) => TegraEntry.Address((uint)entry);

    /// <inheritdoc/>
    public static bool StoresNoAccess => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        TegraEntry.NonSecure
        | ((protection & Protection.Read) != 0 ? TegraEntry.Readable : 0)
        | ((protection & Protection.Write) != 0 ? TegraEntry.Writable : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        attributes | TegraEntry.Frame(physicalAddress);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafStep(int level) => 1ul << (EntryShift(level) - TegraEntry.PageShift);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAddress(ulong entry, int level) => TegraEntry.Address((uint)entry);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LeafSizeLog2(ulong entry, int level) => EntryShift(level);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry, int level) =>
        ((entry & TegraEntry.Readable) != 0 ? Protection.Read : 0)
        | ((entry & TegraEntry.Writable) != 0 ? Protection.Write : 0);

    /// <inheritdoc/>
    // For devices outside the secure world: without the right of the non-secure an entry grants them nothing. Address bits that do not exist are
    // ignored.
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & TegraEntry.RightsMask) == 0)
        {
            return WalkEntry.Of(WalkEntryKind.NotPresent);
        }

        var rights = (entry & TegraEntry.NonSecure) != 0 ? LeafProtection(entry, level) : Protection.None;
        ulong address = TegraEntry.Address((uint)entry) & (ulong.MaxValue >> (64 - outputBits));
        return level == DirectoryLevel && IsTable(entry, level)
            ? WalkEntry.Table(address, level - 1, rights, outputBits)
            : WalkEntry.Leaf(address & (ulong.MaxValue << EntryShift(level)), EntryShift(level), rights, outputBits);
    }
}
