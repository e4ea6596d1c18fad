using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Software;

/// <summary>
/// Intel SDM volume 3, section 4.5, and the VT-d specification, section 9.7. Tables of four levels at 0x10000, 0x11000, 0x12000, 0x13000.
/// </summary>
public sealed class X86TableTests : IDisposable
{
    private const ulong Page = 0x1234_5000;

    private readonly GuestTables<X86Format> _tables = new(48, 40);

    public X86TableTests() => _tables
        .Put(0x10000, 0, 0x11007)
        .Put(0x11000, 0, 0x12007)
        .Put(0x12000, 0, 0x13007)
        .Put(0x13000, 1, Page | 0x07);

    [Fact]
    public void A_page_is_found()
    {
        _tables.Read(0x1abc).ShouldBe(Page | 0xabc);
        _tables.Write(0x1abc).ShouldBe(Page | 0xabc);
    }

    [Fact]
    public void An_entry_without_P_maps_nothing_whatever_else_it_holds()
    {
        _tables.Put(0x13000, 1, Page | 0x06).Read(0x1000).ShouldBeNull();
        _tables.Put(0x13000, 1, Page | 0x07).Put(0x12000, 0, 0x13006).Read(0x1000).ShouldBeNull();
    }

    [Theory]
    [InlineData(0x10000)]
    [InlineData(0x11000)]
    [InlineData(0x12000)]
    public void A_pointer_limits_what_is_below(ulong table)
    {
        ulong next = table + 0x1000;

        // Without R/W nothing is written, without U/S it is for privileged transactions.
        _tables.Put(table, 0, next | 0x05).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(Page);
        _tables.Put(table, 0, next | 0x03).Read(0x1000).ShouldBeNull();
        _tables.Read(0x1000, isPrivileged: true).ShouldBe(Page);
    }

    [Fact]
    public void IOVAs_that_are_not_canonical_are_refused()
    {
        _tables.Put(0x10000, 511, 0x11007).Put(0x11000, 511, 0x12007);

        _tables.Read(0x0001_0000_0000_1000).ShouldBeNull();
        _tables.Read(0x0000_8000_0000_1000).ShouldBeNull();
        _tables.Read(0xfffe_ff80_0000_1000).ShouldBeNull();
        _tables.Read(0xffff_ff80_0000_1000).ShouldBe(Page);
    }

    [Fact]
    public void Big_pages_are_found_at_their_levels_only()
    {
        _tables.Put(0x12000, 1, 0x4020_0087).Read(0x0021_2345).ShouldBe(0x4021_2345ul);
        _tables.Put(0x11000, 1, 0x8000_0087).Read(0x4021_2345).ShouldBe(0x8021_2345ul);
        _tables.Put(0x10000, 1, 0x87).Read(0x80_0000_0000).ShouldBeNull();
    }

    [Fact]
    public void The_low_address_bits_of_a_big_page_are_reserved_but_for_PAT()
    {
        _tables.Put(0x12000, 1, 0x4020_1087).Read(0x0020_0000).ShouldBe(0x4020_0000ul);
        _tables.Put(0x12000, 1, 0x4020_2087).Read(0x0020_0000).ShouldBeNull();
        _tables.Put(0x12000, 1, 0x4030_0087).Read(0x0020_0000).ShouldBeNull();
    }

    [Fact]
    public void Addresses_wider_than_the_hardware_are_reserved()
    {
        _tables.Put(0x13000, 1, (1ul << 40) | 0x07).Read(0x1000).ShouldBeNull();
        _tables.Put(0x13000, 1, Page | 0x07).Put(0x12000, 0, (1ul << 40) | 0x13007).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void Bits_that_are_ignored_change_nothing() =>
        _tables.Put(0x12000, 0, 0x13007 | (0x7ful << 52) | 0xe00).Put(0x13000, 1, Page | 0xf87 | (0x7ful << 52)).Write(0x1000).ShouldBe(Page);

    [Fact]
    public void A_narrower_width_ends_where_it_says()
    {
        using var narrow = new GuestTables<X86Format>(40, 40);
        narrow.Put(0x10000, 0, 0x11007).Put(0x10000, 2, 0x11007).Put(0x11000, 0, 0x12007).Put(0x12000, 0, 0x13007).Put(0x13000, 1, Page | 7);

        narrow.Read(0x1000).ShouldBe(Page);
        narrow.Read(0x0100_0000_1000).ShouldBeNull();
        narrow.Read(0xffff_ff80_0000_1000).ShouldBeNull();
    }

    public void Dispose() => _tables.Dispose();
}
