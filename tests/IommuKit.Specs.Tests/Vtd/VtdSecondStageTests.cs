using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tests.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Specs.Tests.Vtd;

public class VtdSecondStageRules : PageTableFormatRules<VtdSecondStageFormat>;

/// <summary>Entries worked out by hand from the VT-d specification, section 9.8.</summary>
public class VtdSecondStageTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>R 1, W 2, SNP 0x800.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x1010_0003ul)]
    [InlineData(Protection.Read, 0x1010_0001ul)]
    [InlineData(Protection.Write, 0x1010_0002ul)]
    [InlineData(ReadWrite | Protection.Cache, 0x1010_0803ul)]
    [InlineData(ReadWrite | Protection.NoExecute | Protection.Mmio | Protection.Privileged, 0x1010_0003ul)]
    public void A_page(Protection protection, ulong expected) =>
        FormatProbe.Leaf<VtdSecondStageFormat>(0x1010_0000, protection, 12).ShouldBe(expected);

    /// <summary>PS 0x80 above the leaf level.</summary>
    [Theory]
    [InlineData(0xf_ffff_ffff_f000ul, 12, 0x000f_ffff_ffff_f003ul)]
    [InlineData(0x4020_0000ul, 21, 0x4020_0083ul)]
    [InlineData(0x1_4000_0000ul, 30, 0x1_4000_0083ul)]
    public void Leaves_of_every_size(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<VtdSecondStageFormat>(address, ReadWrite, size).ShouldBe(expected);

    /// <summary>From the vectors of legacy mode: pointers to 0x10011000, leaf of 0x10100000.</summary>
    [Fact]
    public void Pointers_grant_reads_and_writes()
    {
        VtdSecondStageFormat.TableEntry(0x1001_1000, 3).ShouldBe(0x1001_1003ul);
        VtdSecondStageFormat.TableAddress(0x1001_1003).ShouldBe(0x1001_1000ul);
        VtdSecondStageFormat.IsTable(0x1001_1003, 3).ShouldBeTrue();
        VtdSecondStageFormat.LeafAddress(0x1010_0003, 0).ShouldBe(0x1010_0000ul);
        VtdSecondStageFormat.LeafProtection(0x1010_0003, 0).ShouldBe(ReadWrite);
    }

    [Fact]
    public void Used_and_written_bits_do_not_disturb()
    {
        VtdSecondStageFormat.LeafAddress(0x4020_0b83, 1).ShouldBe(0x4020_0000ul);
        VtdSecondStageFormat.LeafProtection(0x4020_0b83, 1).ShouldBe(ReadWrite | Protection.Cache);
    }

    [Theory]
    [InlineData(13, 2)]
    [InlineData(39, 2)]
    [InlineData(40, 3)]
    [InlineData(48, 3)]
    [InlineData(49, 4)]
    [InlineData(57, 4)]
    public void Roots_are_whole_tables_of_three_to_five_levels(int width, int level) =>
        FormatProbe.Root<VtdSecondStageFormat>(width).ShouldBe((level, 9));

    [Fact]
    public void There_is_no_root_for_more_than_57_bits()
    {
        VtdSecondStageFormat.Name.ShouldBe("vtd-ss");
        FormatProbe.Root<VtdSecondStageFormat>(58).ShouldBeNull();
        VtdSecondStageFormat.SoftwareBit.ShouldBe(0x0010_0000_0000_0000ul);
    }
}
