using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.Support;

/// <summary>
/// Four levels of 64-bit entries; 16 neighbours with a hint bit are one larger page, each with its own address, at the two lowest levels. Made for
/// tests, after the manner of Arm's.
/// </summary>
public readonly struct HintedFormat : IPageTableFormat
{
    private const ulong Valid = 1;
    private const ulong TableBit = 2;
    private const ulong Hint = 1ul << 52;
    private const ulong AddressMask = 0xffff_ffff_f000;

    public static string Name => "hinted";

    public static int EntrySizeLog2 => 3;

    public static int TopLevel => 3;

    public static ulong PageSizes => (1ul << 12) | (1ul << 16) | (1ul << 21) | (1ul << 25) | (1ul << 30);

    public static int MaxOutputBits => 48;

    public static bool HasGroups => true;

    public static int IndexBits(int level) => 9;

    public static int EntryShift(int level) => 12 + (9 * level);

    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        indexBits = Roots.TryFindLevel<HintedFormat>(inputBits, out level) ? inputBits - EntryShift(level) : 0;
        return indexBits != 0;
    }

    public static bool IsTable(ulong entry, int level) => (entry & TableBit) != 0;

    public static ulong TableEntry(ulong tableAddress, int level) => tableAddress | TableBit | Valid;

    public static ulong TableAddress(ulong entry) => entry & AddressMask;

    public static ulong LeafAttributes(Protection protection) => Valid | ((ulong)(protection & (Protection.Read | Protection.Write)) << 6);

    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        physicalAddress | attributes | (sizeLog2 == EntryShift(level) ? 0 : Hint);

    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    public static ulong LeafAddress(ulong entry, int level) => entry & AddressMask;

    public static int LeafSizeLog2(ulong entry, int level) => EntryShift(level) + ((entry & Hint) == 0 ? 0 : 4);

    public static Protection LeafProtection(ulong entry, int level) => (Protection)(entry >> 6) & (Protection.Read | Protection.Write);

    public static WalkEntry Decode(ulong entry, int level, int outputBits) => entry == 0
        ? WalkEntry.Of(WalkEntryKind.NotPresent)
        : level != 0 && IsTable(entry, level)
            ? WalkEntry.Table(TableAddress(entry), level - 1, Protection.Read | Protection.Write, outputBits)
            : WalkEntry.Leaf(LeafAddress(entry, level), EntryShift(level), LeafProtection(entry, level), outputBits);
}

/// <summary>
/// Three levels of 64-bit entries; groups of any power of two repeat one entry that holds the start of the group and its size. Made for tests, after
/// the manner of AMD's and RISC-V's.
/// </summary>
public readonly struct RepeatingFormat : IPageTableFormat
{
    private const ulong Valid = 1;
    private const ulong TableBit = 2;
    private const int SizeShift = 52;
    private const ulong AddressMask = 0xffff_ffff_f000;

    public static string Name => "repeating";

    public static int EntrySizeLog2 => 3;

    public static int TopLevel => 2;

    public static ulong PageSizes => (1ul << 31) - (1ul << 12);

    public static int MaxOutputBits => 48;

    public static bool HasGroups => true;

    public static bool GroupsRepeatOneEntry => true;

    public static int IndexBits(int level) => 9;

    public static int EntryShift(int level) => 12 + (9 * level);

    public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
    {
        indexBits = Roots.TryFindLevel<RepeatingFormat>(inputBits, out level) ? inputBits - EntryShift(level) : 0;
        return indexBits != 0;
    }

    public static bool IsTable(ulong entry, int level) => (entry & TableBit) != 0;

    public static ulong TableEntry(ulong tableAddress, int level) => tableAddress | TableBit | Valid;

    public static ulong TableAddress(ulong entry) => entry & AddressMask;

    public static ulong LeafAttributes(Protection protection) => Valid | ((ulong)(protection & (Protection.Read | Protection.Write)) << 6);

    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        physicalAddress | attributes | ((ulong)sizeLog2 << SizeShift);

    public static ulong LeafStep(int level) => 1ul << EntryShift(level);

    public static ulong LeafAddress(ulong entry, int level) => entry & AddressMask;

    public static int LeafSizeLog2(ulong entry, int level) => (int)(entry >> SizeShift);

    public static Protection LeafProtection(ulong entry, int level) => (Protection)(entry >> 6) & (Protection.Read | Protection.Write);

    public static WalkEntry Decode(ulong entry, int level, int outputBits) => entry == 0
        ? WalkEntry.Of(WalkEntryKind.NotPresent)
        : level != 0 && IsTable(entry, level)
            ? WalkEntry.Table(TableAddress(entry), level - 1, Protection.Read | Protection.Write, outputBits)
            : WalkEntry.Leaf(LeafAddress(entry, level), LeafSizeLog2(entry, level), LeafProtection(entry, level), outputBits);
}
