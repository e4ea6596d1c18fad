using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tests.PageTables;
using Lpae16KStage1 = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule16K, IommuKit.Specs.Arm.ArmStage1>;
using Lpae16KStage2 = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule16K, IommuKit.Specs.Arm.ArmStage2>;
using Lpae4KStage1 = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage1>;
using Lpae4KStage2 = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage2>;
using Lpae64KStage1 = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule64K, IommuKit.Specs.Arm.ArmStage1>;
using Lpae64KStage2 = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule64K, IommuKit.Specs.Arm.ArmStage2>;

namespace IommuKit.Specs.Tests.Arm;

/// <summary>Descriptors worked out by hand from the Arm ARM, chapter D8, and the attributes that Linux chooses.</summary>
public class ArmLpaeTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>page 3 + AP[1] 0x40 + AP[2] 0x80 + outer 0x200 or inner 0x300 + AF 0x400 + nG 0x800 + index * 4 + UXN and PXN.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x0000_0001_2345_6e43ul)]
    [InlineData(Protection.Read, 0x0000_0001_2345_6ec3ul)]
    [InlineData(Protection.Write, 0x0000_0001_2345_6e43ul)]
    [InlineData(ReadWrite | Protection.Cache, 0x0000_0001_2345_6f47ul)]
    [InlineData(ReadWrite | Protection.Mmio, 0x0000_0001_2345_6e4bul)]
    [InlineData(ReadWrite | Protection.Mmio | Protection.Cache, 0x0000_0001_2345_6f4bul)]
    [InlineData(ReadWrite | Protection.Privileged, 0x0000_0001_2345_6e03ul)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x0060_0001_2345_6e43ul)]
    [InlineData(Protection.Read | Protection.Cache | Protection.NoExecute | Protection.Privileged, 0x0060_0001_2345_6f87ul)]
    public void A_stage_1_page(Protection protection, ulong expected) =>
        FormatProbe.Leaf<Lpae4KStage1>(0x1_2345_6000, protection, 12).ShouldBe(expected);

    /// <summary>page 3 + MemAttr * 4 (NC 0x14, write-back 0x3c, device 0x04) + S2AP 0x40 and 0x80 + SH + AF 0x400 + XN[1:0].</summary>
    [Theory]
    [InlineData(ReadWrite, 0x0000_0001_2345_66d7ul)]
    [InlineData(Protection.Read, 0x0000_0001_2345_6657ul)]
    [InlineData(Protection.Write, 0x0000_0001_2345_6697ul)]
    [InlineData(ReadWrite | Protection.Cache, 0x0000_0001_2345_67fful)]
    [InlineData(ReadWrite | Protection.Mmio, 0x0000_0001_2345_66c7ul)]
    [InlineData(ReadWrite | Protection.Privileged, 0x0000_0001_2345_66d7ul)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x0060_0001_2345_66d7ul)]
    public void A_stage_2_page(Protection protection, ulong expected) =>
        FormatProbe.Leaf<Lpae4KStage2>(0x1_2345_6000, protection, 12).ShouldBe(expected);

    /// <summary>Type 3 at the leaf level and 1 above; bit 52 in groups.</summary>
    [Theory]
    [InlineData(0x0000_1000ul, 12, 0x0000_0000_0000_1e43ul)]
    [InlineData(0x0001_0000ul, 16, 0x0010_0000_0001_0e43ul)]
    [InlineData(0x0020_0000ul, 21, 0x0000_0000_0020_0e41ul)]
    [InlineData(0x0200_0000ul, 25, 0x0010_0000_0200_0e41ul)]
    [InlineData(0x4000_0000ul, 30, 0x0000_0000_4000_0e41ul)]
    [InlineData(0x4_0000_0000ul, 34, 0x0010_0004_0000_0e41ul)]
    public void Pages_blocks_and_groups_of_the_4K_granule(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<Lpae4KStage1>(address, ReadWrite, size).ShouldBe(expected);

    [Theory]
    [InlineData(0xffff_ffff_c000ul, 14, 0x0000_ffff_ffff_ce43ul)]
    [InlineData(0x0020_0000ul, 21, 0x0010_0000_0020_0e43ul)]
    [InlineData(0x0200_0000ul, 25, 0x0000_0000_0200_0e41ul)]
    [InlineData(0x4000_0000ul, 30, 0x0010_0000_4000_0e41ul)]
    public void Pages_blocks_and_groups_of_the_16K_granule(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<Lpae16KStage1>(address, ReadWrite, size).ShouldBe(expected);

    /// <summary>Address bits 51:48 are at 15:12.</summary>
    [Theory]
    [InlineData(0x9_1234_5678_0000ul, 16, 0x0000_1234_5678_9e43ul)]
    [InlineData(0x0020_0000ul, 21, 0x0010_0000_0020_0e43ul)]
    [InlineData(0xf_0000_2000_0000ul, 29, 0x0000_0000_2000_fe41ul)]
    [InlineData(0x1_0004_0000_0000ul, 34, 0x0010_0004_0000_1e41ul)]
    [InlineData(0xf_0400_0000_0000ul, 42, 0x0000_0400_0000_fe41ul)]
    public void Pages_blocks_and_groups_of_the_64K_granule(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<Lpae64KStage1>(address, ReadWrite, size).ShouldBe(expected);

    [Fact]
    public void Tables_are_of_type_3_and_have_no_attributes()
    {
        Lpae4KStage1.TableEntry(0xffff_ffff_f000, 1).ShouldBe(0x0000_ffff_ffff_f003ul);
        Lpae16KStage1.TableEntry(0x1_2345_4000, 2).ShouldBe(0x0000_0001_2345_4003ul);
        Lpae64KStage2.TableEntry(0xa_0000_0001_0000, 2).ShouldBe(0x0000_0000_0001_a003ul);
        Lpae64KStage2.TableAddress(0x0000_0000_0001_a003).ShouldBe(0xa_0000_0001_0000ul);
    }

    /// <summary>From the SMMUv3 vectors: NSTable in the pointers; NS, bit 58 and another shareability in the leaves.</summary>
    [Fact]
    public void Descriptors_that_other_software_wrote_are_understood()
    {
        Lpae4KStage1.IsTable(0x8000_0000_4e4d_1003, 3).ShouldBeTrue();
        Lpae4KStage1.TableAddress(0x8000_0000_4e4d_1003).ShouldBe(0x4e4d_1000ul);
        Lpae4KStage1.LeafAddress(0x0400_0000_4e4d_0763, 0).ShouldBe(0x4e4d_0000ul);
        Lpae4KStage1.LeafSizeLog2(0x0400_0000_4e4d_0763, 0).ShouldBe(12);
        Lpae4KStage1.LeafProtection(0x0400_0000_4ecb_a763, 0).ShouldBe(ReadWrite);
        Lpae4KStage1.LeafProtection(0x0400_0000_4ecb_a7e3, 0).ShouldBe(Protection.Read);
        Lpae4KStage2.LeafProtection(0x0400_0000_4ecb_a763, 0).ShouldBe(Protection.Read);
        Lpae4KStage2.LeafProtection(0x0400_0000_4ecb_a7e3, 0).ShouldBe(ReadWrite);
    }

    [Theory]
    [InlineData(Protection.Read)]
    [InlineData(ReadWrite)]
    [InlineData(ReadWrite | Protection.Cache)]
    [InlineData(ReadWrite | Protection.Mmio | Protection.NoExecute)]
    public void What_both_stages_can_hold_comes_back(Protection protection)
    {
        Lpae4KStage1.LeafProtection(FormatProbe.Leaf<Lpae4KStage1>(0, protection, 21), 1).ShouldBe(protection);
        Lpae4KStage2.LeafProtection(FormatProbe.Leaf<Lpae4KStage2>(0, protection, 21), 1).ShouldBe(protection);
    }

    [Fact]
    public void Only_stage_1_knows_privilege_and_only_stage_2_can_forbid_reads()
    {
        Lpae4KStage1.LeafProtection(FormatProbe.Leaf<Lpae4KStage1>(0, ReadWrite | Protection.Privileged, 12), 0)
            .ShouldBe(ReadWrite | Protection.Privileged);
        Lpae4KStage2.LeafProtection(FormatProbe.Leaf<Lpae4KStage2>(0, Protection.Write, 12), 0).ShouldBe(Protection.Write);
    }

    [Fact]
    public void Names_tell_granule_and_stage()
    {
        Lpae4KStage1.Name.ShouldBe("arm-lpae-4k-s1");
        Lpae4KStage2.Name.ShouldBe("arm-lpae-4k-s2");
        Lpae16KStage1.Name.ShouldBe("arm-lpae-16k-s1");
        Lpae16KStage2.Name.ShouldBe("arm-lpae-16k-s2");
        Lpae64KStage1.Name.ShouldBe("arm-lpae-64k-s1");
        Lpae64KStage2.Name.ShouldBe("arm-lpae-64k-s2");
    }

    [Fact]
    public void Levels_split_the_address_by_the_entries_of_a_table()
    {
        Enumerable.Range(0, Lpae4KStage1.TopLevel + 1).Select(Lpae4KStage1.EntryShift).ShouldBe([12, 21, 30, 39]);
        Enumerable.Range(0, Lpae16KStage1.TopLevel + 1).Select(Lpae16KStage1.EntryShift).ShouldBe([14, 25, 36, 47]);
        Enumerable.Range(0, Lpae64KStage1.TopLevel + 1).Select(Lpae64KStage1.EntryShift).ShouldBe([16, 29, 42]);
    }

    [Fact]
    public void The_block_of_4_TiB_needs_addresses_of_more_than_48_bits()
    {
        (Lpae64KStage1.PageSizes & Lpae64KStage1.PageSizeMask(48)).ShouldBe(0x4_2021_0000ul);
        (Lpae64KStage1.PageSizes & Lpae64KStage1.PageSizeMask(52)).ShouldBe(0x404_2021_0000ul);
        (Lpae4KStage1.PageSizes & Lpae4KStage1.PageSizeMask(48)).ShouldBe(0x4_4221_1000ul);
        (Lpae16KStage1.PageSizes & Lpae16KStage1.PageSizeMask(48)).ShouldBe(0x4220_4000ul);
    }

    [Theory]
    [InlineData(21, null, null)]
    [InlineData(22, 1, 1)]
    [InlineData(30, 1, 9)]
    [InlineData(32, 2, 2)]
    [InlineData(39, 2, 9)]
    [InlineData(40, 3, 1)]
    [InlineData(48, 3, 9)]
    [InlineData(49, null, null)]
    public void Roots_of_stage_1_with_4K(int width, int? level, int? indexBits) => ShouldHaveRoot<Lpae4KStage1>(width, level, indexBits);

    /// <summary>Up to 16 tables of level 2 stand for a root of level 3.</summary>
    [Theory]
    [InlineData(32, 2, 2)]
    [InlineData(39, 2, 9)]
    [InlineData(40, 2, 10)]
    [InlineData(43, 2, 13)]
    [InlineData(44, 3, 5)]
    [InlineData(48, 3, 9)]
    public void Roots_of_stage_2_with_4K(int width, int? level, int? indexBits) => ShouldHaveRoot<Lpae4KStage2>(width, level, indexBits);

    [Theory]
    [InlineData(25, null, null)]
    [InlineData(26, 1, 1)]
    [InlineData(36, 1, 11)]
    [InlineData(47, 2, 11)]
    [InlineData(48, 3, 1)]
    public void Roots_of_stage_1_with_16K(int width, int? level, int? indexBits) => ShouldHaveRoot<Lpae16KStage1>(width, level, indexBits);

    [Fact]
    public void The_root_of_stage_2_with_16K_and_48_bits_is_two_tables() => ShouldHaveRoot<Lpae16KStage2>(48, 2, 12);

    [Theory]
    [InlineData(29, null, null)]
    [InlineData(30, 1, 1)]
    [InlineData(42, 1, 13)]
    [InlineData(43, 2, 1)]
    [InlineData(48, 2, 6)]
    [InlineData(52, 2, 10)]
    [InlineData(53, null, null)]
    public void Roots_with_64K(int width, int? level, int? indexBits)
    {
        ShouldHaveRoot<Lpae64KStage1>(width, level, indexBits);
        ShouldHaveRoot<Lpae64KStage2>(width, level, indexBits);
    }

    // R_SRKBC: 40 bits of physical address and the granule of 16 KiB want 16 tables of level 2 (1 here) for one of level 1.
    [Theory]
    [InlineData(40, 2, 4, true)]
    [InlineData(40, 2, 5, false)]
    [InlineData(42, 2, 4, false)]
    [InlineData(48, 2, 4, false)]
    [InlineData(40, 1, 4, false)]
    public void The_root_of_stage_2_with_16K_and_40_bits_of_output_is_a_level_lower(int outputBits, int level, int indexBits, bool expected)
    {
        Lpae16KStage2.HasLowerRoot(outputBits, level, indexBits).ShouldBe(expected);
        Lpae16KStage1.HasLowerRoot(outputBits, level, indexBits).ShouldBeFalse();
        Lpae4KStage2.HasLowerRoot(outputBits, level, indexBits).ShouldBeFalse();
        Lpae64KStage2.HasLowerRoot(outputBits, level, indexBits).ShouldBeFalse();
    }

    private static void ShouldHaveRoot<TFormat>(int width, int? level, int? indexBits)
        where TFormat : struct, IPageTableFormat
    {
        (int, int)? expected = level is { } at && indexBits is { } bits ? (at, bits) : null;
        FormatProbe.Root<TFormat>(width).ShouldBe(expected);
    }
}
