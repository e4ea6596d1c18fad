using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>Registers of the model by itself.</summary>
public sealed class TegraRegisterModelTests : TegraModelFixture
{
    [Fact]
    public void Posted_writes_take_effect_at_a_read_back_at_the_latest()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, ReadWrite | 0x1_0000);
        Read(model, 0x4000_0000).ShouldNotBeNull();
        Store(Table, 0);
        model.Write32(TegraMc.PtcFlush, 0);
        model.Write32(TegraMc.TlbFlush, 0);
        Read(model, 0x4000_0000).ShouldNotBeNull();
        model.Read32(TegraMc.PtbAsid);
        Read(model, 0x4000_0000).ShouldBeNull();
    }

    [Fact]
    public void A_full_queue_of_posted_writes_lets_the_oldest_take_effect()
    {
        var model = Make(new TegraModelOptions { PostedWrites = 2 });
        model.Write32(TegraMc.IntMask, 1 << 10);
        model.Write32(TegraMc.PtbAsid, 1);
        Read(model, 0x4000_0000).ShouldBeNull();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        model.Write32(TegraMc.PtbAsid, 2);
        levels.ShouldBe([true]);
    }

    [Fact]
    public void The_root_is_reached_through_the_selected_address_space()
    {
        var model = Make();
        model.Write32(TegraMc.PtbAsid, 7);
        model.Write32(TegraMc.PtbData, 0xffff_ffff);
        model.Write32(TegraMc.PtbAsid, 8);
        model.Read32(TegraMc.PtbData).ShouldBe(0u);
        model.Write32(TegraMc.PtbAsid, 7);
        model.Read32(TegraMc.PtbData).ShouldBe(0xe03f_ffffu);
        model.Read32(TegraMc.PtbAsid).ShouldBe(7u);

        var small = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra30, Memory.DeviceView);
        small.Write32(TegraMc.PtbAsid, 0xff);
        small.Read32(TegraMc.PtbAsid).ShouldBe(3u);
    }

    [Fact]
    public void Registers_without_effect_hold_their_value_and_unknown_ones_nothing()
    {
        var model = Make();
        foreach (uint offset in (uint[])[0x038, 0x9f4, 0x040, 0x200, 0x970])
        {
            model.Write32(offset, 0x1234_5678);
            model.Read32(offset).ShouldBe(0x1234_5678u);
        }

        model.Read32(TegraMc.HotResetStatus).ShouldBe(0x1234_5678u);
        model.Write32(0xffc, 1);
        model.Read32(0xffc).ShouldBe(0u);
        model.Write32(TegraMc.TlbFlush, 0);
        model.Read32(TegraMc.TlbFlush).ShouldBe(0u);

        // The GPU's enable bits were set by firmware and stay; a bit without client cannot be set.
        model.Write32(0x230, 0);
        model.Read32(0x230).ShouldBe(3u << 24);
        model.Write32(0x228, 0xffff_ffff);
        model.Read32(0x228).ShouldBe(0xf0e3_c07eu);
    }

    [Theory]
    [InlineData("tegra30", 0x2000_0010u)]
    [InlineData("tegra210", 0x2000_0030u)]
    public void After_reset_the_caches_are_configured(string soc, uint tlb)
    {
        var model = new TegraSmmuModel<DeviceMemory>(TegraSoc.All.Single(candidate => candidate.Name == soc), Memory.DeviceView);
        model.Read32(TegraMc.TlbConfig).ShouldBe(tlb);
        model.Read32(TegraMc.PtcConfig).ShouldBe(0x2000_003fu);
    }

    [Fact]
    public void Only_wide_groups_have_four_address_spaces_and_only_some_parts_wide_groups()
    {
        var options = new TegraModelOptions { WideSwgroups = new HashSet<string> { "vic", "dc" } };
        Written(TegraSoc.Tegra210, options, "vic").ShouldBe(0xff7f_7f7fu);
        Written(TegraSoc.Tegra210, options, "hc").ShouldBe(0x8000_007fu);
        Written(TegraSoc.Tegra30, options, "dc").ShouldBe(0x8000_0003u);
        Written(TegraSoc.Tegra210, options, null).ShouldBe(0xffff_ffffu);
        Written(TegraSoc.Tegra124, options, null).ShouldBe(0u);

        uint Written(TegraSoc soc, TegraModelOptions options, string? group)
        {
            var model = new TegraSmmuModel<DeviceMemory>(soc, Memory.DeviceView, options);
            uint offset = group is null ? TegraMc.StatsTlbSource : soc.FindSwgroup(group)!.AsidRegister;
            model.Write32(offset, 0xffff_ffff);
            return model.Read32(offset);
        }
    }
}
