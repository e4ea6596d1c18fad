using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Software;

/// <summary>VT-d specification, section 9.8: second-stage tables of three levels at 0x10000, 0x11000, 0x12000.</summary>
public sealed class VtdTableTests : IDisposable
{
    private const ulong Page = 0x1234_5000;

    private readonly GuestTables<VtdSecondStageFormat> _tables = new(39, 39);

    public VtdTableTests() => _tables.Put(0x10000, 0, 0x11003).Put(0x11000, 0, 0x12003).Put(0x12000, 1, Page | 3);

    [Fact]
    public void A_page_is_found() => _tables.Write(0x1abc).ShouldBe(Page | 0xabc);

    [Theory]
    [InlineData(0x10000)]
    [InlineData(0x11000)]
    public void Every_pointer_has_to_grant(ulong table)
    {
        _tables.Put(table, 0, (table + 0x1000) | 1).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(Page);
        _tables.Put(table, 0, (table + 0x1000) | 2).Read(0x1000).ShouldBeNull();
        _tables.Write(0x1000).ShouldBe(Page);
    }

    [Fact]
    public void A_pointer_for_writing_only_is_no_big_page()
    {
        // Bit 7 tells a page, whatever the rights are.
        _tables.Put(0x10000, 1, 0x11002).Write(0x4000_0000).ShouldBeNull();
        _tables.Put(0x11000, 0, 0x12002).Write(0x4000_1000).ShouldBe(Page);
        _tables.Put(0x10000, 1, 0x4000_0082).Write(0x4000_1000).ShouldBe(0x4000_1000ul);
        _tables.Read(0x4000_1000).ShouldBeNull();
    }

    [Fact]
    public void What_grants_nothing_is_not_there()
    {
        _tables.Put(0x12000, 1, Page).Read(0x1000).ShouldBeNull();
        _tables.Put(0x12000, 1, Page | 4).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 1, 0x0020_0080).Read(0x0020_0000).ShouldBeNull();
    }

    [Fact]
    public void Reserved_bits_are_faults()
    {
        _tables.Put(0x11000, 1, 0x4020_0083).Read(0x0020_0000).ShouldBe(0x4020_0000ul);
        _tables.Put(0x11000, 1, 0x4020_1083).Read(0x0020_0000).ShouldBeNull();
        _tables.Put(0x12000, 1, (1ul << 39) | 3).Read(0x1000).ShouldBeNull();
        using var four = new GuestTables<VtdSecondStageFormat>(48, 39);
        four.Put(0x10000, 0, 0x83).Read(0).ShouldBeNull();
    }

    [Fact]
    public void IOVAs_beyond_the_width_are_refused()
    {
        _tables.Read(1ul << 39 | 0x1000).ShouldBeNull();
        _tables.Read(0xffff_ffff_ffff_f000).ShouldBeNull();
    }

    public void Dispose() => _tables.Dispose();
}
