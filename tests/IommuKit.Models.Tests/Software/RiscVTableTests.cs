using IommuKit.Specs.RiscV;

namespace IommuKit.Models.Tests.Software;

/// <summary>RISC-V privileged architecture, "Sv39" and "Sv39x4", Svnapot and Svpbmt. An entry holds address bits 55:12 at bits 53:10.</summary>
public sealed class RiscVTableTests : IDisposable
{
    private const ulong Page = 0x1234_5000;

    // D, A, U, W, R, V.
    private const ulong Rights = 0xd7;

    private readonly GuestTables<RiscVFormat<Sv39>> _tables = new(39, 56);

    public RiscVTableTests() => _tables
        .Put(0x10000, 0, Entry(0x11000, 1))
        .Put(0x11000, 0, Entry(0x12000, 1))
        .Put(0x12000, 1, Entry(Page, Rights));

    [Fact]
    public void A_page_is_found() => _tables.Write(0x1abc).ShouldBe(Page | 0xabc);

    [Fact]
    public void V_is_what_makes_an_entry_valid()
    {
        _tables.Put(0x12000, 1, Entry(Page, Rights & ~1ul)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 0, Entry(0x12000, 0)).Read(0x1000).ShouldBeNull();
    }

    [Theory]
    [InlineData(0xd5)]
    [InlineData(0xdd)]
    public void W_without_R_is_reserved(ulong rights) => _tables.Put(0x12000, 1, Entry(Page, rights)).Write(0x1000).ShouldBeNull();

    [Fact]
    public void A_pointer_in_the_last_table_is_a_fault() => _tables.Put(0x12000, 1, Entry(0x13000, 1)).Read(0x1000).ShouldBeNull();

    [Theory]
    [InlineData(0x11ul)]
    [InlineData(0x41ul)]
    [InlineData(0x81ul)]
    [InlineData(0x1ul | (1ul << 63))]
    [InlineData(0x1ul | (1ul << 61))]
    [InlineData(0x1ul | (1ul << 54))]
    [InlineData(0x1ul | (1ul << 60))]
    public void What_only_leaves_have_is_reserved_in_pointers(ulong bits) =>
        _tables.Put(0x11000, 0, Entry(0x12000, bits)).Read(0x1000).ShouldBeNull();

    [Fact]
    public void G_and_the_bits_of_software_change_nothing() =>
        _tables.Put(0x11000, 0, Entry(0x12000, 0x321)).Put(0x12000, 1, Entry(Page, Rights | 0x320)).Write(0x1000).ShouldBe(Page);

    [Fact]
    public void A_page_has_to_be_used_and_for_writes_written()
    {
        _tables.Put(0x12000, 1, Entry(Page, 0x97)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x12000, 1, Entry(Page, 0x57)).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(Page);
    }

    [Fact]
    public void A_big_page_has_to_be_aligned()
    {
        _tables.Put(0x11000, 1, Entry(0x4020_0000, Rights)).Read(0x0021_2345).ShouldBe(0x4021_2345ul);
        _tables.Put(0x11000, 1, Entry(0x4020_1000, Rights)).Read(0x0021_2345).ShouldBeNull();
    }

    [Fact]
    public void N_is_for_groups_of_64_KiB_in_the_last_table()
    {
        const ulong napot = 1ul << 63;
        _tables.Put(0x12000, 1, Entry(0x1234_8000, Rights | napot)).Read(0x1abc).ShouldBe(0x1234_1abcul);
        _tables.Put(0x12000, 1, Entry(0x1234_4000, Rights | napot)).Read(0x1abc).ShouldBeNull();
        _tables.Put(0x11000, 1, Entry(0x4020_8000, Rights | napot)).Read(0x0020_0000).ShouldBeNull();
        _tables.Put(0x11000, 1, Entry(0x4020_0000, Rights | napot)).Read(0x0020_0000).ShouldBeNull();
    }

    [Fact]
    public void Reserved_bits_of_leaves_are_faults()
    {
        _tables.Put(0x12000, 1, Entry(Page, Rights | (2ul << 61))).Read(0x1000).ShouldBe(Page);
        _tables.Put(0x12000, 1, Entry(Page, Rights | (3ul << 61))).Read(0x1000).ShouldBeNull();
        _tables.Put(0x12000, 1, Entry(Page, Rights | (1ul << 54))).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void IOVAs_that_are_not_canonical_are_refused()
    {
        _tables.Put(0x10000, 256, Entry(0x11000, 1));
        _tables.Read(0x8000_0000_0000_1000).ShouldBeNull();
        _tables.Read(0x0000_0040_0000_1000).ShouldBeNull();
        _tables.Read(0xffff_ffc0_0000_1000).ShouldBe(Page);
    }

    [Fact]
    public void The_second_stage_is_for_unprivileged_pages_and_41_bits()
    {
        using var second = new GuestTables<RiscVFormat<Sv39x4>>(41, 56);
        second.Put(0x10000, 2047, Entry(0x14000, 1)).Put(0x14000, 0, Entry(0x15000, 1)).Put(0x15000, 1, Entry(Page, Rights));

        second.Write(0x1ff_c000_1abc).ShouldBe(Page | 0xabc);
        second.Read(0x3ff_c000_1abc).ShouldBeNull();
        second.Read(0xffff_ffff_c000_1abc).ShouldBeNull();
        second.Put(0x15000, 1, Entry(Page, Rights & ~0x10ul)).Read(0x1ff_c000_1abc, isPrivileged: true).ShouldBeNull();
    }

    public void Dispose() => _tables.Dispose();

    private static ulong Entry(ulong address, ulong bits) => (address >> 2) | bits;
}
