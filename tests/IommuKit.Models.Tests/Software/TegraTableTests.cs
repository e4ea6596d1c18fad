using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Software;

/// <summary>
/// Tegra's directory and tables: bits 31, 30 and 29 are reads, writes and the non-secure, bit 28 of a directory entry is a pointer.
/// </summary>
public sealed class TegraTableTests : IDisposable
{
    private readonly GuestTables<TegraFormat> _tables = new(32, 34);

    public TegraTableTests() => _tables.Put(0x10000, 0, 0xf000_0011).Put(0x11000, 1, 0xe001_2345);

    [Fact]
    public void A_page_is_found() => _tables.Write(0x1abc).ShouldBe(0x1234_5abcul);

    [Fact]
    public void Every_level_has_to_grant()
    {
        _tables.Put(0x10000, 0, 0xb000_0011).Write(0x1000).ShouldBeNull();
        _tables.Read(0x1000).ShouldBe(0x1234_5000ul);
        _tables.Put(0x10000, 0, 0x7000_0011).Read(0x1000).ShouldBeNull();
        _tables.Put(0x10000, 0, 0xd000_0011).Read(0x1000).ShouldBeNull();
        _tables.Put(0x10000, 0, 0xf000_0011).Put(0x11000, 1, 0xc001_2345).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 1, 0x0001_2345).Read(0x1000).ShouldBeNull();
        _tables.Put(0x11000, 1, 0xe001_2345).Put(0x10000, 0, 0x1000_0011).Read(0x1000).ShouldBeNull();
    }

    [Fact]
    public void A_section_starts_at_a_multiple_of_its_size()
    {
        _tables.Put(0x10000, 1, 0xe004_0000).Read(0x0041_2345).ShouldBe(0x4001_2345ul);
        _tables.Put(0x10000, 1, 0xe004_0001).Read(0x0041_2345).ShouldBe(0x4001_2345ul);
    }

    [Fact]
    public void Address_bits_that_the_part_does_not_have_are_ignored()
    {
        using var narrow = new GuestTables<TegraFormat>(32, 32);
        narrow.Put(0x10000, 0, 0xf000_0011).Put(0x11000, 1, 0xe031_2345).Read(0x1000).ShouldBe(0x1234_5000ul);
    }

    [Fact]
    public void IOVAs_beyond_the_width_are_refused() => _tables.Read(0x1_0000_1000).ShouldBeNull();

    public void Dispose() => _tables.Dispose();
}
