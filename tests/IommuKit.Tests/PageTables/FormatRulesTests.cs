using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.PageTables;

/// <summary>A format that breaks one rule is refused with that rule; one that changes its answers later stays inside its tables.</summary>
public class FormatRulesTests
{
    private interface IBend
    {
        static virtual int EntrySizeLog2 => 3;

        static virtual int TopLevel => 2;

        static virtual int MaxOutputBits => 40;

        static virtual int RootLevel => 2;

        static virtual int RootBits => 9;

        static virtual ulong PageSizes => 1ul << 12;

        static virtual int LinearOutputBits => 64;

        static virtual ulong TableMask => ~0xffful;

        static virtual int LeafExtraLog2 => 0;

        static virtual int IndexBits(int level) => 9;

        static virtual int EntryShift(int level) => 12 + (9 * level);
    }

    [Fact]
    public void The_format_is_good_unless_it_is_bent() => Make<Bent<Straight>>().Dispose();

    [Fact]
    public void Every_rule_has_its_message()
    {
        Refuses<NarrowEntries>("4 or 8 bytes");
        Refuses<NoLevels>("top level must be 1 to 5");
        Refuses<TooManyLevels>("top level must be 1 to 5");
        Refuses<NoAddresses>("1 to 64 bits");
        Refuses<LargeMiddleTables>("same number of entries");
        Refuses<HugeTables>("at most 2^18 bytes");
        Refuses<GapBetweenLevels>("must cover what a table of level 0 does");
        Refuses<NoPages>("a page size");
        Refuses<PageBetweenLevels>("one entry of a level, or a group");
        Refuses<PageBelowTheLeaves>("one entry of a level, or a group");
        Refuses<PageAboveTheTop>("one entry of a level, or a group");
        Refuses<PageAcrossTheLinearBound>("must not cross");
        Refuses<LyingLeaves>("tell its size");
        Refuses<UnreachableTables>("point to a table");
        Refuses<RootAboveTheTop>("root must be at level");
        Refuses<HugeRoot>("larger than the largest block");
        Refuses<ShortRoot>("must translate all 39 bits");
    }

    [Fact]
    public void A_root_must_fit_into_memory()
    {
        using var memory = new PhysicalMemory(1 << 16, isCoherent: true);
        var allocator = new PageAllocator(memory.CpuView, 0, memory.Length);
        var options = new PageTableOptions { InputBits = 39, OutputBits = 40 };
        Should.Throw<ArgumentException>(() => new PageTable<Bent<LargeRoot>>(options, allocator)).Message.ShouldContain("but memory only");
    }

    [Fact]
    public void Answers_that_change_move_nothing_out_of_a_table()
    {
        using var memory = new PhysicalMemory(4 << 20, isCoherent: true);
        memory.CpuView.Span(0, 4 << 20).Fill(0xaa);
        var allocator = new PageAllocator(memory.CpuView, 1 << 20, 1 << 20);
        var table = new PageTable<Bent<Fickle>>(new PageTableOptions { InputBits = 39, OutputBits = 40 }, allocator);
        var sink = new RecordingSink(new FootprintLog(allocator, 12));
        table.Map(0x20_0000, 0x1000, 0x1000, Protection.Read, ref sink).ShouldBe(default);
        try
        {
            Fickle.Extra = 9;
            table.Map(0x20_1000, 0x1000, 0x2000_0000, Protection.Read, ref sink).ShouldNotBe(default);
            table.Map(0x20_1000, 0x1000, 0x1f_e000, Protection.Read, ref sink).ShouldBe(default);
            table.Unmap(0x20_0000, 0x1000_0000, ref sink);
            Should.Throw<ArgumentException>(() => Make<Bent<Fickle>>());
        }
        finally
        {
            Fickle.Extra = 0;
        }

        memory.CpuView.Span(0, 1 << 20).IndexOfAnyExcept((byte)0xaa).ShouldBe(-1);
        memory.CpuView.Span(2 << 20, 2 << 20).IndexOfAnyExcept((byte)0xaa).ShouldBe(-1);
    }

    private static void Refuses<TBend>(string rule)
        where TBend : struct, IBend =>
        Should.Throw<ArgumentException>(() => Make<Bent<TBend>>()).Message.ShouldContain(rule);

    private static PageTable<TFormat> Make<TFormat>()
        where TFormat : struct, IPageTableFormat
    {
        using var memory = new PhysicalMemory(16 << 20, isCoherent: true);
        var allocator = new PageAllocator(memory.CpuView, 0, memory.Length);
        return new PageTable<TFormat>(new PageTableOptions { InputBits = 39, OutputBits = 40 }, allocator);
    }

    private readonly struct Straight : IBend;

    private readonly struct NarrowEntries : IBend
    {
        public static int EntrySizeLog2 => 4;
    }

    private readonly struct NoLevels : IBend
    {
        public static int TopLevel => 0;
    }

    private readonly struct TooManyLevels : IBend
    {
        public static int TopLevel => 6;
    }

    private readonly struct NoAddresses : IBend
    {
        public static int MaxOutputBits => 65;
    }

    private readonly struct LargeMiddleTables : IBend
    {
        public static int IndexBits(int level) => level == 1 ? 11 : 9;
    }

    private readonly struct HugeTables : IBend
    {
        public static int IndexBits(int level) => 16;
    }

    private readonly struct GapBetweenLevels : IBend
    {
        public static int EntryShift(int level) => level == 0 ? 12 : 13 + (9 * level);
    }

    private readonly struct NoPages : IBend
    {
        public static ulong PageSizes => 0;
    }

    private readonly struct PageBetweenLevels : IBend
    {
        public static ulong PageSizes => (1ul << 12) | (1ul << 16);
    }

    private readonly struct PageBelowTheLeaves : IBend
    {
        public static ulong PageSizes => (1ul << 11) | (1ul << 12);
    }

    private readonly struct PageAboveTheTop : IBend
    {
        public static ulong PageSizes => (1ul << 12) | (1ul << 39);
    }

    private readonly struct PageAcrossTheLinearBound : IBend
    {
        public static int LinearOutputBits => 11;
    }

    private readonly struct LyingLeaves : IBend
    {
        public static int LeafExtraLog2 => 4;
    }

    private readonly struct UnreachableTables : IBend
    {
        public static ulong TableMask => ~0x1fffful;
    }

    private readonly struct RootAboveTheTop : IBend
    {
        public static int RootLevel => 3;
    }

    private readonly struct HugeRoot : IBend
    {
        public static int RootBits => 20;
    }

    private readonly struct LargeRoot : IBend
    {
        public static int RootBits => 15;
    }

    private readonly struct ShortRoot : IBend
    {
        public static int RootBits => 8;
    }

    private readonly struct Fickle : IBend
    {
        public static int Extra { get; set; }

        public static int IndexBits(int level) => 9 + Extra;

        public static int EntryShift(int level) => 12 + (9 * level) - Extra;
    }

    private readonly struct Bent<TBend> : IPageTableFormat
        where TBend : struct, IBend
    {
        public static string Name => "bent";

        public static int EntrySizeLog2 => TBend.EntrySizeLog2;

        public static int TopLevel => TBend.TopLevel;

        public static ulong PageSizes => TBend.PageSizes;

        public static int MaxOutputBits => TBend.MaxOutputBits;

        public static int LinearOutputBits => TBend.LinearOutputBits;

        public static int IndexBits(int level) => TBend.IndexBits(level);

        public static int EntryShift(int level) => TBend.EntryShift(level);

        public static bool TryGetRoot(int inputBits, out int level, out int indexBits)
        {
            level = TBend.RootLevel;
            indexBits = TBend.RootBits;
            return true;
        }

        public static bool IsTable(ulong entry, int level) => (entry & 2) != 0;

        public static ulong TableEntry(ulong tableAddress, int level) => tableAddress | 3;

        public static ulong TableAddress(ulong entry) => entry & TBend.TableMask & ~0xffful;

        public static ulong LeafAttributes(Protection protection) => 1;

        public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) => physicalAddress | attributes;

        public static ulong LeafStep(int level) => 1ul << EntryShift(level);

        public static ulong LeafAddress(ulong entry, int level) => entry & ~0xffful;

        public static int LeafSizeLog2(ulong entry, int level) => EntryShift(level) + TBend.LeafExtraLog2;

        public static Protection LeafProtection(ulong entry, int level) => Protection.Read;

        public static WalkEntry Decode(ulong entry, int level, int outputBits) => WalkEntry.Of(WalkEntryKind.Reserved);
    }
}
