using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Specs.Tests.Tegra;

/// <summary>Bit layouts against values worked out by hand from the fact sheet, not against the code.</summary>
public class TegraLayoutTests
{
    [Theory]
    [InlineData(0x0000_0000ul, Protection.Read | Protection.Write, 0xe000_0000u)]
    [InlineData(0x8000_1000ul, Protection.Read | Protection.Write, 0xe008_0001u)]
    [InlineData(0x8000_1000ul, Protection.Read, 0xa008_0001u)]
    [InlineData(0x8000_1000ul, Protection.Write, 0x6008_0001u)]
    [InlineData(0x8000_1000ul, Protection.None, 0x2008_0001u)]
    [InlineData(0x3_ffff_f000ul, Protection.Read | Protection.Write, 0xe03f_ffffu)]
    public void A_page_entry_has_the_rights_on_top_and_the_frame_below(ulong address, Protection protection, uint expected)
    {
        ulong attributes = TegraFormat.LeafAttributes(protection);

        TegraFormat.LeafEntry(address, attributes, level: 0, sizeLog2: 12).ShouldBe(expected);
        TegraFormat.LeafAddress(expected, 0).ShouldBe(address);
        TegraFormat.LeafProtection(expected, 0).ShouldBe(protection);
    }

    [Fact]
    public void A_directory_entry_points_to_a_table_with_all_rights()
    {
        TegraFormat.TableEntry(0x1_2345_6000, 1).ShouldBe(0xf012_3456u);
        TegraFormat.TableAddress(0xf012_3456).ShouldBe(0x1_2345_6000u);
        TegraFormat.IsTable(0xf012_3456, level: 1).ShouldBeTrue();
    }

    [Fact]
    public void A_section_is_a_directory_entry_without_next()
    {
        ulong section = TegraFormat.LeafEntry(0x8040_0000, TegraFormat.LeafAttributes(Protection.Read | Protection.Write), level: 1, sizeLog2: 22);

        section.ShouldBe(0xe008_0400u);
        TegraFormat.IsTable(section, level: 1).ShouldBeFalse();
        TegraFormat.LeafStep(1).ShouldBe(0x400u);
        TegraFormat.LeafStep(0).ShouldBe(1u);
    }

    [Fact]
    public void A_root_holds_22_bits_of_frame()
    {
        TegraPtb.Root(0x3_ffff_f000).ShouldBe(0xe03f_ffffu);
        TegraPtb.Root(0x10_0000).ShouldBe(0xe000_0100u);
    }

    [Fact]
    public void Levels_split_the_iova_into_ten_ten_twelve()
    {
        TegraFormat.EntryShift(0).ShouldBe(12);
        TegraFormat.EntryShift(1).ShouldBe(22);
        TegraFormat.IndexBits(0).ShouldBe(10);
        TegraFormat.IndexBits(1).ShouldBe(10);
        TegraFormat.PageSizes.ShouldBe(0x40_1000u);
    }

    /// <summary>Bits 30:29 on parts with 4 address spaces, bits 30:24 on parts with 128 (commit 43a0541e312f had to mend this).</summary>
    [Theory]
    [InlineData("tegra30", 3, 0xe000_0000u)]
    [InlineData("tegra30", 1, 0xa000_0000u)]
    [InlineData("tegra114", 2, 0xc000_0000u)]
    [InlineData("tegra124", 1, 0x8100_0000u)]
    [InlineData("tegra124", 127, 0xff00_0000u)]
    [InlineData("tegra210", 5, 0x8500_0000u)]
    public void The_asid_field_of_a_tlb_flush_is_where_the_part_has_it(string name, int asid, uint expected)
    {
        var soc = TegraSoc.All.Single(soc => soc.Name == name);

        TegraTlbFlush.Asid(soc, asid).Value.ShouldBe(expected);
        TegraTlbFlush.Asid(soc, asid).AsidOn(soc).ShouldBe(asid);
    }

    [Fact]
    public void Tlb_flush_commands_are_those_of_the_fact_sheet()
    {
        TegraTlbFlush.All.Value.ShouldBe(0u);

        // Section: bits 31:22 of the address at 19:10, and 2. Group: bits 31:14 at 19:2, and 3.
        TegraTlbFlush.Section(TegraSoc.Tegra210, 1, 0xffff_ffff).Value.ShouldBe(0x810f_fc02u);
        TegraTlbFlush.Section(TegraSoc.Tegra30, 1, 0x4012_3456).Value.ShouldBe(0xa004_0002u);
        TegraTlbFlush.Group(TegraSoc.Tegra210, 1, 0xffff_ffff).Value.ShouldBe(0x810f_ffffu);
        TegraTlbFlush.Group(TegraSoc.Tegra124, 2, 0x4012_3456).Value.ShouldBe(0x8204_0123u);
    }

    [Fact]
    public void Tlb_flush_commands_decode_to_what_was_encoded()
    {
        var group = new TegraTlbFlush(0x8204_0123);
        group.Match.ShouldBe(TegraTlbFlushMatch.Group);
        group.MatchesAsid.ShouldBeTrue();
        group.Address.ShouldBe(0x4012_0000u);

        var section = new TegraTlbFlush(0xa004_0002);
        section.Match.ShouldBe(TegraTlbFlushMatch.Section);
        section.Address.ShouldBe(0x4000_0000u);

        new TegraTlbFlush(1).Match.ShouldBeNull();
        new TegraTlbFlush(0).MatchesAsid.ShouldBeFalse();
    }

    [Fact]
    public void Ptc_flush_names_a_whole_atom()
    {
        TegraPtcFlush.All.Value.ShouldBe(0u);
        TegraPtcFlush.Line(TegraSoc.Tegra30, 0x1234_567c).Value.ShouldBe(0x1234_5671u);
        TegraPtcFlush.Line(TegraSoc.Tegra124, 0x1234_567c).Value.ShouldBe(0x1234_5661u);
        TegraPtcFlush.Line(TegraSoc.Tegra210, 0x3_1234_567c).Value.ShouldBe(0x1234_5641u);
        TegraPtcFlush.LineHigh(0x3_1234_567c).ShouldBe(3u);
        new TegraPtcFlush(0x1234_5641).AddressLow.ShouldBe(0x1234_5640u);
    }

    [Fact]
    public void A_fault_record_has_its_fields_where_the_fact_sheet_says()
    {
        var status = TegraFaultStatus.Create(
            TegraSoc.Tegra210,
            TegraFaultType.InvalidSmmuPage,
            TegraEntry.Readable | TegraEntry.NonSecure,
            0x3_8000_0000,
            isSecure: false,
            isWrite: true,
            client: 0x89);

        status.Value.ShouldBe((6u << 28) | (1u << 27) | (1u << 25) | (3u << 20) | (1u << 16) | 0x89);
        status.Type.ShouldBe(TegraFaultType.InvalidSmmuPage);
        status.Rights.ShouldBe(TegraEntry.Readable | TegraEntry.NonSecure);
        status.AddressHigh.ShouldBe(3u);
        status.IsWrite.ShouldBeTrue();
        status.IsSecure.ShouldBeFalse();
        status.ClientOn(TegraSoc.Tegra210).ShouldBe(0x89);
        status.ClientOn(TegraSoc.Tegra124).ShouldBe(0x09);
    }
}
