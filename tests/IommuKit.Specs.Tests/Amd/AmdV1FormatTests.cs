using IommuKit.Specs.Amd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tests.PageTables;

namespace IommuKit.Specs.Tests.Amd;

public class AmdV1FormatRules : PageTableFormatRules<AmdV1Format>;

/// <summary>Entries worked out by hand from the AMD IOMMU specification, section 2.2.3.</summary>
public class AmdV1FormatTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>PR 1, FC bit 60, IR bit 61, IW bit 62.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x6000_0001_2345_6001ul)]
    [InlineData(Protection.Read, 0x2000_0001_2345_6001ul)]
    [InlineData(Protection.Write, 0x4000_0001_2345_6001ul)]
    [InlineData(ReadWrite | Protection.Cache, 0x7000_0001_2345_6001ul)]
    [InlineData(ReadWrite | Protection.NoExecute | Protection.Mmio | Protection.Privileged, 0x6000_0001_2345_6001ul)]
    public void A_page(Protection protection, ulong expected) =>
        FormatProbe.Leaf<AmdV1Format>(0x1_2345_6000, protection, 12).ShouldBe(expected);

    /// <summary>
    /// NextLevel 0 where the size is that of an entry. Elsewhere NextLevel 7 (0xe00), and ones from bit 12 up to two bits below the size:
    /// none for 8 KiB, 0x1000 for 16 KiB, 0x7000 for 64 KiB.
    /// </summary>
    [Theory]
    [InlineData(0xf_ffff_ffff_f000ul, 12, 0x600f_ffff_ffff_f001ul)]
    [InlineData(0x2000ul, 13, 0x6000_0000_0000_2e01ul)]
    [InlineData(0x4000ul, 14, 0x6000_0000_0000_5e01ul)]
    [InlineData(0x1234_0000ul, 16, 0x6000_0000_1234_7e01ul)]
    [InlineData(0x0010_0000ul, 20, 0x6000_0000_0017_fe01ul)]
    [InlineData(0x0020_0000ul, 21, 0x6000_0000_0020_0001ul)]
    [InlineData(0x0040_0000ul, 22, 0x6000_0000_005f_fe01ul)]
    [InlineData(0x4000_0000ul, 30, 0x6000_0000_4000_0001ul)]
    [InlineData(0x40_0000_0000ul, 38, 0x6000_005f_ffff_fe01ul)]
    [InlineData(0x100_0000_0000ul, 40, 0x6000_017f_ffff_fe01ul)]
    [InlineData(0x1_0000_0000_0000ul, 48, 0x6001_0000_0000_0001ul)]
    [InlineData(0x8_0000_0000_0000ul, 51, 0x600b_ffff_ffff_fe01ul)]
    public void Leaves_of_many_sizes(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<AmdV1Format>(address, ReadWrite, size).ShouldBe(expected);

    /// <summary>A pointer in AMD's level n + 1 has NextLevel n.</summary>
    [Theory]
    [InlineData(1, 0x6000_0001_2345_6201ul)]
    [InlineData(2, 0x6000_0001_2345_6401ul)]
    [InlineData(3, 0x6000_0001_2345_6601ul)]
    [InlineData(4, 0x6000_0001_2345_6801ul)]
    [InlineData(5, 0x6000_0001_2345_6a01ul)]
    public void A_pointer_names_the_level_of_its_table(int level, ulong expected)
    {
        AmdV1Format.TableEntry(0x1_2345_6000, level).ShouldBe(expected);
        AmdV1Format.TableAddress(expected).ShouldBe(0x1_2345_6000ul);
    }

    [Fact]
    public void Only_NextLevel_0_and_7_are_leaves()
    {
        Enumerable.Range(0, 8).Where(nextLevel => !AmdV1Format.IsTable(1 | ((ulong)nextLevel << 9), 1)).ShouldBe([0, 7]);
    }

    /// <summary>The sizes that other implementations test: 16 KiB, 64 KiB, 4 MiB, 2 GiB.</summary>
    [Theory]
    [InlineData(0x6000_0000_0000_5e01ul, 0, 14, 0x4000ul)]
    [InlineData(0x6000_0000_1234_7e01ul, 0, 16, 0x1234_0000ul)]
    [InlineData(0x6000_0000_005f_fe01ul, 1, 22, 0x0040_0000ul)]
    [InlineData(0x6000_0000_bfff_fe01ul, 2, 31, 0x8000_0000ul)]
    public void A_size_in_the_address_is_understood(ulong entry, int level, int size, ulong address)
    {
        AmdV1Format.LeafSizeLog2(entry, level).ShouldBe(size);
        AmdV1Format.LeafAddress(entry, level).ShouldBe(address);
    }

    [Fact]
    public void Used_and_written_bits_do_not_disturb() => AmdV1Format.LeafAddress(0x6000_0000_1234_7e61, 0).ShouldBe(0x1234_0000ul);

    [Fact]
    public void Every_power_of_two_but_512_GiB_is_a_page_size()
    {
        AmdV1Format.Name.ShouldBe("amd-v1");
        AmdV1Format.PageSizes.ShouldBe(0x000f_ff7f_ffff_f000ul);
        FormatProbe.Leaves<AmdV1Format>().Max(leaf => leaf.Level).ShouldBe(4);
    }

    [Theory]
    [InlineData(13, 1)]
    [InlineData(30, 1)]
    [InlineData(31, 2)]
    [InlineData(39, 2)]
    [InlineData(48, 3)]
    [InlineData(57, 4)]
    [InlineData(58, 5)]
    [InlineData(64, 5)]
    public void Roots_are_whole_tables(int width, int level) => FormatProbe.Root<AmdV1Format>(width).ShouldBe((level, 9));

    [Fact]
    public void The_top_level_uses_7_bits_of_the_address() => AmdV1Format.IndexBits(5).ShouldBe(7);
}
