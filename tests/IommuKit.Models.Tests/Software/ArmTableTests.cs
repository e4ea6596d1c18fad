using IommuKit.Specs.Arm;

namespace IommuKit.Models.Tests.Software;

/// <summary>Arm ARM, chapters D8 (64-bit descriptors) and G5.4 (short descriptors).</summary>
public sealed class ArmTableTests : IDisposable
{
    private const ulong Page = 0x1234_5000;

    // AF, inner shareable, AP[1], page.
    private const ulong PageBits = 0x743;
    private const ulong BlockBits = 0x741;

    private readonly GuestTables<ArmLpae<ArmGranule4K, ArmStage1>> _tables = new(39, 40);

    public ArmTableTests() => _tables.Put(0x10000, 0, 0x11003).Put(0x11000, 0, 0x12003).Put(0x12000, 1, Page | PageBits);

    [Fact]
    public void A_page_is_found() => _tables.Write(0x1abc).ShouldBe(Page | 0xabc);

    [Fact]
    public void Bit_0_is_what_makes_a_descriptor_valid()
    {
        _tables.Put(0x12000, 1, Page | (PageBits & ~1ul)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 0, 0x12002).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void A_block_in_the_last_table_is_reserved() => _tables.Put(0x12000, 1, Page | BlockBits).Read(0x1000).ShouldBeNull();

    [Fact]
    public void Blocks_exist_at_two_levels()
    {
        _tables.Put(0x11000, 1, 0x4020_0000 | BlockBits).Read(0x0021_0000).ShouldBe(0x4021_0000ul);
        _tables.Put(0x10000, 1, 0x8000_0000 | BlockBits).Read(0x4021_0000).ShouldBe(0x8021_0000ul);
        using var four = new GuestTables<ArmLpae<ArmGranule4K, ArmStage1>>(48, 40);
        four.Put(0x10000, 0, BlockBits).Read(0).ShouldBeNull();
    }

    [Fact]
    public void An_access_flag_of_0_is_a_fault()
    {
        _tables.Put(0x12000, 1, Page | (PageBits & ~0x400ul)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 1, 0x4020_0000 | (BlockBits & ~0x400ul)).Read(0x0020_0000).ShouldBeNull();
    }

    [Theory]
    [InlineData(0x10000)]
    [InlineData(0x11000)]
    public void APTable_limits_what_is_below(ulong table)
    {
        ulong pointer = (table + 0x1000) | 3;
        _tables.Put(table, 0, pointer | (1ul << 62)).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(Page);
        _tables.Put(table, 0, pointer | (1ul << 61)).Read(0x1000).ShouldBeNull();
        _tables.Write(0x1000, isPrivileged: true).ShouldBe(Page);
    }

    [Fact]
    public void AP_limits_a_leaf()
    {
        _tables.Put(0x12000, 1, Page | PageBits | 0x80).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(Page);
        _tables.Put(0x12000, 1, Page | (PageBits & ~0x40ul)).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void Addresses_wider_than_the_hardware_are_faults()
    {
        _tables.Put(0x12000, 1, (1ul << 40) | PageBits).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 0, (1ul << 40) | 3).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void IOVAs_beyond_the_width_are_refused() => _tables.Read((1ul << 39) | 0x1000).ShouldBeNull();

    [Fact]
    public void A_contiguous_hint_changes_nothing_about_the_address() =>
        _tables.Put(0x12000, 1, Page | PageBits | (1ul << 52)).Read(0x1abc).ShouldBe(Page | 0xabc);

    [Fact]
    public void Stage_2_has_a_right_for_each_direction_and_no_limits_in_pointers()
    {
        using var second = new GuestTables<ArmLpae<ArmGranule4K, ArmStage2>>(39, 40);
        second.Put(0x10000, 0, 0x11003 | (3ul << 61)).Put(0x11000, 0, 0x12003);

        second.Put(0x12000, 1, Page | 0x7ff).Write(0x1000).ShouldBe(Page);
        second.Put(0x12000, 1, Page | 0x77f).Write(0x1000).ShouldBeNull();
        second.Read(0x1000).ShouldBe(Page);
        second.Put(0x12000, 1, Page | 0x7bf).Read(0x1000).ShouldBeNull();
        second.Write(0x1000).ShouldBe(Page);
        second.Put(0x12000, 1, Page | 0x73f).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void Stage_2_starts_in_tables_that_follow_each_other()
    {
        // 42 bits at Arm's level 0 would be 8 entries: eight tables of level 1 instead.
        using var second = new GuestTables<ArmLpae<ArmGranule4K, ArmStage2>>(42, 40);
        second.Put(0x10000 + (7 * 0x1000), 511, 0x40_0000_0000 | 0x7fd).Read(0x3ff_c000_1234).ShouldBe(0x40_0000_1234ul);
    }

    [Fact]
    public void Granules_have_their_own_blocks()
    {
        using var wide = new GuestTables<ArmLpae<ArmGranule16K, ArmStage1>>(36, 40);
        wide.Put(0x10000, 1, 0x0400_0000 | BlockBits).Read(0x0200_4000).ShouldBe(0x0400_4000ul);
        using var upper = new GuestTables<ArmLpae<ArmGranule16K, ArmStage1>>(47, 40);
        upper.Put(0x10000, 0, BlockBits).Read(0).ShouldBeNull();
        using var large = new GuestTables<ArmLpae<ArmGranule64K, ArmStage1>>(42, 48);
        large.Put(0x10000, 1, 0x4000_0000 | BlockBits).Read(0x2001_0000).ShouldBe(0x4001_0000ul);
        using var fourTebibytes = new GuestTables<ArmLpae<ArmGranule64K, ArmStage1>>(48, 48);
        fourTebibytes.Put(0x10000, 0, BlockBits).Read(0).ShouldBeNull();
        using var lpa = new GuestTables<ArmLpae<ArmGranule64K, ArmStage1>>(48, 52);
        lpa.Put(0x10000, 0, BlockBits).Read(0x1234).ShouldBe(0x1234ul);
    }

    [Fact]
    public void Short_descriptors_have_a_type_of_0_for_nothing()
    {
        using var tables = new GuestTables<ArmShortFormat>(32, 32);

        // AP[2:0] = 3 is access flag and unprivileged: 0x30 in a small page, 0xc00 in a section. The table is at 0x14000.
        tables.Put(0x10000, 0, 0x14001).Put(0x14000, 1, Page | 0x32).Write(0x1abc).ShouldBe(Page | 0xabc);
        tables.Put(0x14000, 1, Page | 0x30).Read(0x1000).ShouldBeNull();
        tables.Put(0x14000, 1, Page | 0x33).Read(0x1000).ShouldBe(Page);
        tables.Put(0x14000, 1, Page | 0x22).Read(0x1000).ShouldBeNull();
        tables.Put(0x14000, 1, Page | 0x12).Read(0x1000).ShouldBeNull();
        tables.Read(0x1000, isPrivileged: true).ShouldBe(Page);
        tables.Put(0x14000, 1, Page | 0x232).Write(0x1000).ShouldBeNull();
        tables.Put(0x14000, 1, Page | 0x31).Read(0x1abc).ShouldBe(0x1234_1abcul);
        tables.Put(0x10000, 0, 0x14000).Read(0x1000).ShouldBeNull();
        tables.Put(0x10000, 1, 0x4010_0c02).Write(0x0012_3456).ShouldBe(0x4012_3456ul);
        tables.Put(0x10000, 1, 0x4010_0802).Read(0x0012_3456).ShouldBeNull();
        tables.Put(0x10000, 17, 0x4104_0c02).Read(0x0112_3456).ShouldBe(0x4112_3456ul);
        tables.Put(0x10000, 17, 0x4114_0c02).Read(0x0112_3456).ShouldBeNull();
        tables.Put(0x10000, 17, 0x4104_0c22).Read(0x0112_3456).ShouldBeNull();
        tables.Read(1ul << 32).ShouldBeNull();
    }

    public void Dispose() => _tables.Dispose();
}
