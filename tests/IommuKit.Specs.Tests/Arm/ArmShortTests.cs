using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tests.PageTables;

namespace IommuKit.Specs.Tests.Arm;

public class ArmShortFormatRules : PageTableFormatRules<ArmShortFormat>;

/// <summary>Descriptors worked out by hand from the Arm ARM, section G5.4, and the attributes that Linux chooses.</summary>
public class ArmShortTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>type 2 + XN 1 + B 4 + C 8 + AP[0] 0x10 + AP[1] 0x20 + TEX = 1 0x40 + AP[2] 0x200 + S 0x400 + nG 0x800.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x1234_5c72u)]
    [InlineData(Protection.Read, 0x1234_5e72u)]
    [InlineData(Protection.Write, 0x1234_5c72u)]
    [InlineData(ReadWrite | Protection.Cache, 0x1234_5c7eu)]
    [InlineData(ReadWrite | Protection.Mmio, 0x1234_5c36u)]
    [InlineData(ReadWrite | Protection.Mmio | Protection.Cache, 0x1234_5c36u)]
    [InlineData(ReadWrite | Protection.Privileged, 0x1234_5c52u)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x1234_5c73u)]
    public void A_small_page(Protection protection, uint expected) =>
        FormatProbe.Leaf<ArmShortFormat>(0x1234_5000, protection, 12).ShouldBe(expected);

    /// <summary>type 1, TEX at 14:12, XN at 15.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x1234_1c31u)]
    [InlineData(Protection.Read, 0x1234_1e31u)]
    [InlineData(ReadWrite | Protection.Cache, 0x1234_1c3du)]
    [InlineData(ReadWrite | Protection.Mmio, 0x1234_0c35u)]
    [InlineData(ReadWrite | Protection.Privileged, 0x1234_1c11u)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x1234_9c31u)]
    public void A_large_page(Protection protection, uint expected) =>
        FormatProbe.Leaf<ArmShortFormat>(0x1234_0000, protection, 16).ShouldBe(expected);

    /// <summary>type 2, XN 0x10, AP[0] 0x400, AP[1] 0x800, TEX = 1 0x1000, AP[2] 0x8000, S 0x1_0000, nG 0x2_0000.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x1233_1c02u)]
    [InlineData(Protection.Read, 0x1233_9c02u)]
    [InlineData(ReadWrite | Protection.Cache, 0x1233_1c0eu)]
    [InlineData(ReadWrite | Protection.Mmio, 0x1233_0c06u)]
    [InlineData(ReadWrite | Protection.Privileged, 0x1233_1402u)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x1233_1c12u)]
    public void A_section(Protection protection, uint expected) =>
        FormatProbe.Leaf<ArmShortFormat>(0x1230_0000, protection, 20).ShouldBe(expected);

    [Fact]
    public void A_supersection_is_a_section_with_bit_18()
    {
        FormatProbe.Leaf<ArmShortFormat>(0x1200_0000, ReadWrite, 24).ShouldBe(0x1207_1c02u);
        FormatProbe.Leaf<ArmShortFormat>(0xff00_0000, Protection.Read | Protection.Cache, 24).ShouldBe(0xff07_9c0eu);
    }

    [Fact]
    public void A_table_is_of_type_1_and_aligned_to_its_1_KiB()
    {
        ArmShortFormat.TableEntry(0x8765_4400, 1).ShouldBe(0x8765_4401u);
        ArmShortFormat.TableAddress(0x8765_4401).ShouldBe(0x8765_4400u);
        ArmShortFormat.IsTable(0x8765_4401, 1).ShouldBeTrue();

        // With NS, PXN and domain 15.
        ArmShortFormat.TableAddress(0x8765_45ed).ShouldBe(0x8765_4400u);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(20)]
    [InlineData(24)]
    public void Protections_come_back_from_every_kind_of_leaf(int size)
    {
        int level = size < 20 ? 0 : 1;
        foreach (var protection in new[]
        {
            Protection.Read,
            ReadWrite | Protection.Cache,
            ReadWrite | Protection.Mmio | Protection.NoExecute,
            Protection.Read | Protection.Privileged | Protection.Cache | Protection.NoExecute,
        })
        {
            ulong entry = FormatProbe.Leaf<ArmShortFormat>(0xff00_0000, protection, size);
            ArmShortFormat.LeafProtection(entry, level).ShouldBe(protection);
        }
    }

    [Fact]
    public void The_root_has_4096_entries_whatever_the_width()
    {
        ArmShortFormat.Name.ShouldBe("arm-v7s");
        FormatProbe.Root<ArmShortFormat>(20).ShouldBeNull();
        FormatProbe.Root<ArmShortFormat>(21).ShouldBe((1, 12));
        FormatProbe.Root<ArmShortFormat>(32).ShouldBe((1, 12));
        FormatProbe.Root<ArmShortFormat>(33).ShouldBeNull();
        ArmShortFormat.IndexBits(0).ShouldBe(8);
        ArmShortFormat.PageSizes.ShouldBe(0x0111_1000u);
    }
}
