using IommuKit.Specs.PageTables;

namespace MyIommu;

/// <summary>
/// The format of its page tables: two levels of 1024 entries of 32 bits, and pages of 4 KiB. Bit 0 lets devices read, bit 1 write; bit 2 makes an entry a
/// pointer to a table. The rest is the address.
/// </summary>
public readonly struct MyFormat : IPageTableFormat
{
    private const ulong Readable = 1;
    private const ulong Writable = 2;
    private const ulong Pointer = 4;
    private const ulong AddressMask = 0xffff_f000;
    private const int PageShift = 12;
    private const int TableBits = 10;

    public static string Name => "my-format";

    public static int EntrySizeLog2 => 2;

    public static int TopLevel => 1;

    public static ulong PageSizes => 1ul << PageShift;

    public static int MaxOutputBits => 32;

    public static int IndexBits(int level) => TableBits;

    public static int EntryShift(int level) => PageShift + (level * TableBits);

    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        (level, indexBits) = (1, TableBits);
        return inputBits is > PageShift + TableBits and <= 32;
    }

    public static bool IsTable(ulong entry, int level) => (entry & Pointer) != 0;

    public static ulong TableEntry(ulong tableAddress, int level) => tableAddress | Pointer;

    public static ulong TableAddress(ulong entry) => entry & AddressMask;

    public static ulong LeafAttributes(Protection protection) =>
        ((protection & Protection.Read) != 0 ? Readable : 0) | ((protection & Protection.Write) != 0 ? Writable : 0);

    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) => physicalAddress | attributes;

    public static ulong LeafStep(int level) => 1ul << PageShift;

    public static ulong LeafAddress(ulong entry, int level) => entry & AddressMask;

    public static int LeafSizeLog2(ulong entry, int level) => PageShift;

    public static Protection LeafProtection(ulong entry, int level) =>
        ((entry & Readable) != 0 ? Protection.Read : 0) | ((entry & Writable) != 0 ? Protection.Write : 0);

    // What the hardware makes of anything that may be in memory: the other members only have to know what IommuKit writes.
    public static WalkEntry Decode(ulong entry, int level, int outputBits)
    {
        if ((entry & Pointer) != 0)
        {
            return level == 0
                ? WalkEntry.Of(WalkEntryKind.Reserved)
                : WalkEntry.Table(entry & AddressMask, level - 1, Protection.Read | Protection.Write, outputBits);
        }

        var rights = LeafProtection(entry, level);
        return rights == Protection.None || level != 0
            ? WalkEntry.Of(WalkEntryKind.NotPresent)
            : WalkEntry.Leaf(entry & AddressMask, PageShift, rights, outputBits);
    }

    /// <summary>What <c>iommukit dump</c> calls the bits of a leaf.</summary>
    public static string Describe(ulong leaf) => (leaf & (Readable | Writable)) switch
    {
        Readable => "R",
        Writable => "W",
        _ => "R W",
    };
}
