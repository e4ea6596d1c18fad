using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

public sealed class Smmu3RegisterTests
{
    public static TheoryData<string> PresetNames => [.. Smmu3Unit.Presets.Select(unit => unit.Name)];

    [Fact]
    public void Identification_is_that_of_the_preset()
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Mmu600);
        machine.Model.Read32(0x00).ShouldBe(0x080f_7e1bu);
        machine.Model.Read32(0x04).ShouldBe(0x0e73_9d18u);
        machine.Model.Read32(0x0c).ShouldBe(0x3cu);
        machine.Model.Read32(0x14).ShouldBe(0x0040_0075u);
        machine.Model.Read32(0x18).ShouldBe(0x4832_243bu);
        machine.Model.Read32(0x1c).ShouldBe(1u);
        machine.Model.Read64(0).ShouldBe(0x0e73_9d18_080f_7e1bul);

        // PIDR: part 483h of Arm, 43Bh; CIDR: the preamble.
        machine.Model.Read32(0xfe0).ShouldBe(0x83u);
        machine.Model.Read32(0xfe4).ShouldBe(0xb4u);
        (machine.Model.Read32(0xfe8) & 0xf).ShouldBe(0xbu);
        machine.Model.Read32(0xfd0).ShouldBe(4u);
        new uint[] { 0xff0, 0xff4, 0xff8, 0xffc }.Select(machine.Model.Read32).ShouldBe([0x0du, 0xf0, 0x05, 0xb1]);
        machine.Unit.StreamBits.ShouldBe(24);
        machine.Unit.SubstreamBits.ShouldBe(20);
        machine.Unit.AddressBits.ShouldBe(48);
    }

    /// <summary>AIDR bits 7:4 are 0, and what a preset declares is not contradictory: the rules of BSA for identification.</summary>
    [Theory]
    [MemberData(nameof(PresetNames))]
    public void Presets_hold_the_rules_of_identification(string name)
    {
        var unit = Smmu3Unit.Presets.Single(preset => preset.Name == name);

        // What two parts have in common is a part again.
        foreach (var part in Smmu3Unit.Presets.Select(unit.IntersectWith).Prepend(unit))
        {
            part.WhyImpossible().ShouldBeNull();
            (part.Aidr >> 4).ShouldBe(0u);
            (part.Aidr & 15).ShouldBeGreaterThanOrEqualTo(1u, "SMMUv3.1 at least.");
            (part.HasStage1 && part.HasStage2).ShouldBeTrue();
            part.IsCoherent.ShouldBeTrue();
            (part.HasGranule(12) && part.HasGranule(16)).ShouldBeTrue();
            part.AddressBits.ShouldBeGreaterThanOrEqualTo(40);
            part.CommandQueueLog2.ShouldBeInRange(1, 19);
            (part.Idr0 >> 2 & 3).ShouldBe(2u, "AArch64 tables.");
            (part.Idr0 >> 21 & 3).ShouldBe(part.Idr0 >> 21 & 2, "Little endian, or both.");
            (!part.HasPageRequests || part.HasAts).ShouldBeTrue();
            (part.SubstreamBits == 0 || part.HasTwoLevelContexts).ShouldBeTrue();
            (part.StallModel == 1 || part.MostStalls > 0).ShouldBeTrue();
            part.StallModel.ShouldBeInRange(0, 2);
            (part.Idr1 >> 30).ShouldBe(0u, "Neither tables nor queues are preset.");
        }
    }

    [Fact]
    public void A_unit_that_cannot_be_is_refused()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        foreach (uint idr0 in new uint[] { 8, 1, 0xb | (3 << 24), 0xb | (1 << 21) })
        {
            var unit = Smmu3Unit.Emulated with { Idr0 = idr0 };
            Should.Throw<ArgumentException>(() => new Smmu3Model<DeviceMemory>(unit, memory.DeviceView));
        }

        Should.Throw<ArgumentException>(() => new Smmu3Model<DeviceMemory>(Smmu3Unit.Emulated with { Idr5 = 4 }, memory.DeviceView));
        Should.Throw<ArgumentException>(
            () => new Smmu3Model<DeviceMemory>(Smmu3Unit.Full, memory.DeviceView, new Smmu3ModelOptions { Iotlb = new(3, 1) }));
    }

    [Fact]
    public void An_intersection_has_what_both_have()
    {
        var both = Smmu3Unit.Full.IntersectWith(Smmu3Unit.Mmu600);
        both.WhyImpossible().ShouldBeNull();
        both.AddressBits.ShouldBe(48);
        both.StreamBits.ShouldBe(24);
        both.HasSplitStageAts.ShouldBeFalse();
        both.HasRangeInvalidation.ShouldBeFalse();
        both.SetsAccessFlag.ShouldBeFalse();
        both.HasWideSmallGranules.ShouldBeFalse();
        both.HasTwoLevelContexts.ShouldBeTrue();
        both.MostStalls.ShouldBe(64);
        Smmu3Unit.Mmu600.IntersectWith(Smmu3Unit.Full).Idr0.ShouldBe(both.Idr0);

        var emulated = Smmu3Unit.Full.IntersectWith(Smmu3Unit.Emulated);
        emulated.StallModel.ShouldBe(1);
        emulated.OnlyAborts.ShouldBeTrue();
        emulated.HasBigEndianTables.ShouldBeFalse();
        emulated.HasLittleEndianTables.ShouldBeTrue();
        emulated.BreakBeforeMakeLevel.ShouldBe(2);
        var forced = Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 | (2 << 24) };
        Should.Throw<ArgumentException>(() => Smmu3Unit.Emulated.IntersectWith(forced));
        var big = Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 | (3 << 21) };
        Should.Throw<ArgumentException>(() => Smmu3Unit.Emulated.IntersectWith(big));
    }

    [Fact]
    public void Reserved_bits_of_CR0_never_appear()
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Emulated);
        machine.Model.Write32(0x20, 0xffff_ffff);
        machine.Model.Read32(0x20).ShouldBe(0xdu);
        machine.Model.Read32(0x24).ShouldBe(0xdu);
        machine.Model.Write32(0x24, 0);
        machine.Model.Read32(0x24).ShouldBe(0xdu);
    }

    /// <summary>
    /// What CR2 has no use for reads as zero: E2H without EL2, REC_CFG_ATS without ATSRECERR. PTM, which is reserved, holds what it is given.
    /// </summary>
    [Theory]
    [InlineData("full", 0xfu)]
    [InlineData("mmu-600", 0x7u)]
    [InlineData("qemu", 0x6u)]
    public void CR2_has_what_the_part_has(string unit, uint expected)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Presets.Single(preset => preset.Name == unit));
        machine.Model.Write32(0x2c, 0xffff_ffff);
        machine.Model.Read32(0x2c).ShouldBe(expected);
    }

    [Fact]
    public void Registers_in_use_cannot_be_changed()
    {
        using var machine = new Smmu3Machine();
        var model = machine.Model;
        model.Write64(0x80, 0x4000_0000_1234_5678);
        model.Read64(0x80).ShouldBe(0x4000_0000_1234_5640ul);
        model.Write32(0x84, 0x0000_00ff);
        model.Read64(0x80).ShouldBe(0x0000_00ff_1234_5640ul);
        machine.SwitchOn();
        (uint Offset, uint Value)[] before = [.. new uint[] { 0x80, 0x84, 0x88, 0x90, 0x94, 0x9c, 0xa0, 0xa4, 0xc0, 0x100a8, 0x100c8, 0x2c, 0x28 }
            .Select(offset => (offset, model.Read32(offset)))];
        foreach (var (offset, value) in before)
        {
            model.Write32(offset, ~value);
        }

        foreach (var (offset, value) in before)
        {
            model.Read32(offset).ShouldBe(value, $"{offset:x}");
        }

        // Where interrupts go, can be changed while they are off.
        model.Write64(0xb0, 0x1000);
        model.Read64(0xb0).ShouldBe(0ul);
        model.Write32(0x50, 0);
        model.Write64(0xb0, 0xffff_ffff_ffff_ffff);
        model.Read64(0xb0).ShouldBe(0x00ff_ffff_ffff_fffcul);
    }

    [Fact]
    public void Producers_in_page_1_are_at_their_place_in_page_0_too()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write32(0x100a8, 0x8000_0123);
        machine.Model.Read32(0xa8).ShouldBe(0x8000_0123u);
        machine.Model.Write32(0xac, 0x8000_0456);
        machine.Model.Read32(0x100ac).ShouldBe(0x8000_0456u);
        machine.Model.Write32(0x100c8, 3);
        machine.Model.Read32(0xc8).ShouldBe(3u);
    }

    [Fact]
    public void GBPA_takes_effect_with_UPDATE_only()
    {
        using var machine = new Smmu3Machine();
        var model = machine.Model;
        model.Read32(0x44).ShouldBe(0x1000u);
        machine.Read(0x1234).ShouldBe(0x1234ul);
        model.Write32(0x44, 1 << 20);
        model.Read32(0x44).ShouldBe(0x1000u);
        machine.Read(0x1234).ShouldBe(0x1234ul);
        model.Write32(0x44, (1u << 31) | (1 << 20));
        model.Read32(0x44).ShouldBe(1u << 20);
        machine.Ask(0x1234).Outcome.ShouldBe(Smmu3Outcome.Abort);

        // OpenVMM takes bit 1 for ABORT.
        model.Write32(0x44, (1u << 31) | 2);
        machine.Read(0x1234).ShouldBe(0x1234ul);
        machine.Ask(1ul << 52).Outcome.ShouldBe(Smmu3Outcome.Abort);
        machine.TakeEvent().ShouldBeNull();
    }

    [Fact]
    public void Unaligned_and_unknown_registers_read_as_zero()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write32(0x21, 1);
        machine.Model.Write64(0x24, ulong.MaxValue);
        machine.Model.Read32(0x21).ShouldBe(0u);
        machine.Model.Read64(4).ShouldBe(0ul);
        machine.Model.Read32(0x8000).ShouldBe(0u);
        machine.Model.Read32(uint.MaxValue & ~3u).ShouldBe(0u);
        machine.Model.Read32(0x20).ShouldBe(0u);
    }
}
