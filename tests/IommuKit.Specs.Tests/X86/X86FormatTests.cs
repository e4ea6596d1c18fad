using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tests.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Specs.Tests.X86;

public class X86FormatRules : PageTableFormatRules<X86Format>;

/// <summary>Entries worked out by hand from the Intel SDM, volume 3, section 4.5.</summary>
public class X86FormatTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>P 1, R/W 2, U/S 4, PCD 0x10, A 0x20, D 0x40, XD bit 63.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x1_2345_6067ul)]
    [InlineData(Protection.Read, 0x1_2345_6065ul)]
    [InlineData(Protection.Write, 0x1_2345_6067ul)]
    [InlineData(ReadWrite | Protection.Cache, 0x1_2345_6067ul)]
    [InlineData(ReadWrite | Protection.Mmio, 0x1_2345_6077ul)]
    [InlineData(ReadWrite | Protection.Privileged, 0x1_2345_6063ul)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x8000_0001_2345_6067ul)]
    public void A_page(Protection protection, ulong expected) =>
        FormatProbe.Leaf<X86Format>(0x1_2345_6000, protection, 12).ShouldBe(expected);

    /// <summary>PS 0x80 above the leaf level.</summary>
    [Theory]
    [InlineData(0xf_ffff_ffff_f000ul, 12, 0x000f_ffff_ffff_f067ul)]
    [InlineData(0x4020_0000ul, 21, 0x4020_00e7ul)]
    [InlineData(0x1_4000_0000ul, 30, 0x1_4000_00e7ul)]
    public void Leaves_of_every_size(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<X86Format>(address, ReadWrite, size).ShouldBe(expected);

    /// <summary>P, R/W, U/S and A, as Linux stores them.</summary>
    [Fact]
    public void Pointers_grant_everything()
    {
        X86Format.TableEntry(0xf_ffff_ffff_f000, 4).ShouldBe(0x000f_ffff_ffff_f027ul);

        X86Format.TableAddress(0x1_2345_6027).ShouldBe(0x1_2345_6000ul);
        X86Format.IsTable(0x1_2345_6027, 1).ShouldBeTrue();
    }

    /// <summary>Bit 12 is PAT in big pages; bit 7 is PAT in pages of 4 KiB.</summary>
    [Fact]
    public void PAT_is_not_part_of_an_address()
    {
        X86Format.LeafAddress(0x4020_10e7, 1).ShouldBe(0x4020_0000ul);
        X86Format.LeafAddress(0x4020_10e7, 0).ShouldBe(0x4020_1000ul);
        X86Format.LeafSizeLog2(0x4020_10e7, 0).ShouldBe(12);
    }

    [Theory]
    [InlineData(32, 3)]
    [InlineData(47, 3)]
    [InlineData(48, 3)]
    [InlineData(49, 4)]
    [InlineData(57, 4)]
    public void Roots_are_whole_tables_of_four_or_five_levels(int width, int level) =>
        FormatProbe.Root<X86Format>(width).ShouldBe((level, 9));

    [Fact]
    public void There_is_no_root_for_more_than_57_bits()
    {
        X86Format.Name.ShouldBe("x86-64");
        X86Format.SignExtendsInput.ShouldBeTrue();
        FormatProbe.Root<X86Format>(58).ShouldBeNull();
        X86Format.SoftwareBit.ShouldBe(0x0010_0000_0000_0000ul);
    }
}
