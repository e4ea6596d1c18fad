using IommuKit.Specs.Amd;

namespace IommuKit.Models.Tests.Software;

/// <summary>AMD IOMMU specification, section 2.2.3. Bits 11:9 of an entry are the number of the next level, 62 and 61 the rights, 0 is PR.</summary>
public sealed class AmdTableTests : IDisposable
{
    private const ulong Page = 0x1234_5000;
    private const ulong Both = 0x6000_0000_0000_0001;

    private readonly GuestTables<AmdV1Format> _tables = new(39, 48);

    public AmdTableTests() => _tables
        .Put(0x10000, 0, 0x11400 | Both)
        .Put(0x11000, 0, 0x12200 | Both)
        .Put(0x12000, 1, Page | Both);

    [Fact]
    public void A_page_is_found() => _tables.Write(0x1abc).ShouldBe(Page | 0xabc);

    [Fact]
    public void PR_is_what_makes_an_entry_valid()
    {
        _tables.Put(0x12000, 1, Page | (Both & ~1ul)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 0, 0x12200 | (Both & ~1ul)).Read(0x1000).ShouldBeNull();
    }

    [Theory]
    [InlineData(0x10000, 0x400)]
    [InlineData(0x11000, 0x200)]
    public void Every_level_has_to_grant(ulong table, ulong next)
    {
        ulong pointer = (table + 0x1000) | next;
        _tables.Put(table, 0, pointer | 0x2000_0000_0000_0001).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(Page);
        _tables.Put(table, 0, pointer | 0x4000_0000_0000_0001).Read(0x1000).ShouldBeNull();
        _tables.Write(0x1000).ShouldBe(Page);
    }

    [Fact]
    public void A_pointer_does_not_go_up_or_stay()
    {
        _tables.Put(0x11000, 0, 0x12400 | Both).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 0, 0x10600 | Both).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void A_pointer_may_leave_levels_out_where_the_IOVA_has_zeros()
    {
        _tables.Put(0x10000, 0, 0x12200 | Both);
        _tables.Read(0x1abc).ShouldBe(Page | 0xabc);
        _tables.Read(0x0020_1abc).ShouldBeNull();
    }

    [Fact]
    public void A_size_in_the_address_is_one_of_its_level()
    {
        // 64 KiB: three ones above bit 12 and a zero; 2 MiB: eight.
        _tables.Put(0x12000, 1, 0x1234_7e00 | Both).Read(0x1abc).ShouldBe(0x1234_1abcul);
        _tables.Put(0x12000, 1, 0x120f_fe00 | Both).Read(0x1abc).ShouldBeNull();
        _tables.Put(0x11000, 1, 0x120f_fe00 | Both).Read(0x0020_0000).ShouldBeNull();
        _tables.Put(0x11000, 1, 0x121f_fe00 | Both).Read(0x0020_1abc).ShouldBe(0x1220_1abcul);
        _tables.Put(0x11000, 1, 0x4020_0000 | Both).Read(0x0020_1abc).ShouldBe(0x4020_1abcul);
    }

    [Fact]
    public void Reserved_bits_and_wide_addresses_are_faults()
    {
        _tables.Put(0x12000, 1, Page | Both | (1ul << 52)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x12000, 1, Page | Both | (1ul << 59) | (1ul << 60)).Read(0x1000).ShouldBe(Page);
        _tables.Put(0x11000, 0, 0x12200 | Both | (1ul << 60)).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 0, 0x12200 | Both).Put(0x12000, 1, (1ul << 48) | Both).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void IOVAs_beyond_the_width_are_refused() => _tables.Read((1ul << 39) | 0x1000).ShouldBeNull();

    public void Dispose() => _tables.Dispose();
}
