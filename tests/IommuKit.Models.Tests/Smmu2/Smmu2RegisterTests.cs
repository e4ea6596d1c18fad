using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>Registers by themselves: what they are after reset, and what of a write they keep.</summary>
public sealed class Smmu2RegisterTests
{
    /// <summary>The values of Stratix 10's and ZynqMP's manuals.</summary>
    [Fact]
    public void An_MMU_500_comes_up_as_its_manuals_say()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu500);
        var model = machine.Model;
        model.Read32(Smmu2Global.Control0).ShouldBe(0x0020_0001u);
        model.Read32(Smmu2Global.Auxiliary).ShouldBe(0x0400_0004u);
        model.Read32(Smmu2Global.Idr0).ShouldBe(0xfc01_3e40u);
        model.Read32(Smmu2Global.Idr1).ShouldBe(0x4000_1f20u);
        model.Read32(Smmu2Global.Idr2).ShouldBe(0x5555u);
        model.Read32(Smmu2Global.Idr7).ShouldBe(0x21u);
        model.Read32(Smmu2Global.StreamContext + (63 * 4)).ShouldBe(0x0002_0000u);
        machine.Bank(31, Smmu2Bank.SystemControl).ShouldBe(0x100u);
        machine.Bank(31, Smmu2Bank.Auxiliary).ShouldBe(3u);
        uint[] identification = [0x81, 0xb4, 0x1b, 0, 0x0d, 0xf0, 0x05, 0xb1];
        Enumerable.Range(0, 8).Select(i => model.Read32(0xfe0 + ((uint)i * 4))).ShouldBe(identification);
    }

    /// <summary>Bank 7 of ZynqMP is at 0x17000; Stratix 10 has 32 pages before its banks.</summary>
    [Theory]
    [InlineData(0x3000_0f10, 7, 0x1_7000)]
    [InlineData(0x4000_1f20, 0, 0x2_0000)]
    [InlineData(0x6000_0080, 127, 0xf_f000)]
    public void Banks_follow_the_global_space(uint idr1, int bank, uint offset)
    {
        var unit = Smmu2Unit.Mmu500 with { Idr1 = idr1 };
        unit.WhyImpossible().ShouldBeNull();
        unit.OffsetOf(bank).ShouldBe(offset);
        unit.BankAt(offset + 0x58, out uint inBank).ShouldBe(bank);
        inBank.ShouldBe(0x58u);
    }

    [Fact]
    public void The_width_of_a_stream_match_is_found_by_writing_ones()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu500 with { Idr0 = (Smmu2Unit.Mmu500.Idr0 & ~(0xfu << 9)) | (10u << 9) });
        machine.Model.Write32(Smmu2Global.StreamMatch, 0x7fff);
        machine.Model.Read32(Smmu2Global.StreamMatch).ShouldBe(0x3ffu);
        machine.Model.Write32(Smmu2Global.StreamMatch, 0x7fff_0000);
        machine.Model.Read32(Smmu2Global.StreamMatch).ShouldBe(0x3ffu << 16);
    }

    [Fact]
    public void ACTLR_of_an_MMU_500_is_kept_by_a_lock()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu500);
        machine.SetBank32(0, Smmu2Bank.Auxiliary, 1).Bank(0, Smmu2Bank.Auxiliary).ShouldBe(3u);
        machine.Model.Write32(Smmu2Global.Auxiliary, machine.Model.Read32(Smmu2Global.Auxiliary) & ~Smmu2Global.CacheLock);
        machine.SetBank32(0, Smmu2Bank.Auxiliary, 1).Bank(0, Smmu2Bank.Auxiliary).ShouldBe(1u);
    }

    [Fact]
    public void Fixed_bits_of_sCR0_and_of_banks_stay()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu500);
        machine.Model.Write32(Smmu2Global.Control0, uint.MaxValue);
        uint control = machine.Model.Read32(Smmu2Global.Control0);
        (control & Smmu2Global.Control.ConflictFaults).ShouldNotBe(0u);
        (control & (Smmu2Global.Control.ConfigurationFaultAborts | Smmu2Global.Control.ConfigurationFaultInterrupt)).ShouldBe(0u);
        (control & Smmu2Global.Control.WideStreamIds).ShouldBe(0u);

        using var full = new Smmu2Machine();
        full.SetRouting(Smmu2Routing.Attributes, 3, 1u << 16).Routing(Smmu2Routing.Attributes, 3).ShouldBe(0u, "the first 4 banks are of stage 2");
        full.SetRouting(Smmu2Routing.Attributes, 4, 1u << 16).Routing(Smmu2Routing.Attributes, 4).ShouldBe(1u << 16);
    }

    [Fact]
    public void Halves_and_wholes_are_the_same_register()
    {
        using var machine = new Smmu2Machine();
        machine.SetBank(5, Smmu2Bank.Table0, 0x0123_4567_89ab_c000);
        machine.Bank(5, Smmu2Bank.Table0).ShouldBe(0x89ab_c000u);
        machine.Bank(5, Smmu2Bank.Table0 + 4).ShouldBe(0x0123_4567u);
        machine.SetBank32(5, Smmu2Bank.Table0 + 4, 0xfedc_ba98).Bank64(5, Smmu2Bank.Table0).ShouldBe(0xfedc_ba98_89ab_c000);

        // 64 bits at TCR are TCR and CONTEXTIDR.
        machine.SetBank(5, Smmu2Bank.TableControl, 0x0000_0007_0000_0019).Bank(5, Smmu2Bank.ContextId).ShouldBe(7u);
    }

    public static TheoryData<string> PresetNames => [.. Smmu2Unit.Presets.Select(preset => preset.Name)];

    /// <summary>
    /// What a preset declares is not contradictory, by IDR0, IDR1 and IDR2 (IHI 0062): whatever has a stage has a bank for it, and where a stage is
    /// missing, the address before it is as wide as the one behind it. The rules of BSA ask for version 2 with both stages.
    /// </summary>
    [Theory]
    [MemberData(nameof(PresetNames))]
    public void Presets_hold_the_rules_of_identification(string name)
    {
        var unit = Smmu2Unit.Presets.Single(preset => preset.Name == name);
        unit.WhyImpossible().ShouldBeNull();
        (uint ias, uint oas, uint ubs) = (unit.Idr2 & 15, unit.Idr2 >> 4 & 15, unit.Idr2 >> 8 & 15);
        (unit.BankCount > unit.Stage2BankCount).ShouldBe(unit.HasStage1);
        unit.BankCount.ShouldBeInRange(1, 128);
        unit.HasNested.ShouldBe(unit is { HasStage1: true, HasStage2: true });
        unit.HasStreamMatching.ShouldBeTrue();
        unit.StreamCount.ShouldBeLessThanOrEqualTo(128);
        unit.StreamIdBits.ShouldBeGreaterThanOrEqualTo(15);
        unit.HasLongTables.ShouldBeTrue();
        ias.ShouldBeLessThanOrEqualTo(5u);
        oas.ShouldBeLessThanOrEqualTo(5u);
        unit.AddressBits.ShouldBeGreaterThanOrEqualTo(40);
        if (!unit.HasStage2)
        {
            ias.ShouldBe(oas);
        }

        if (unit.Version == Smmu2Version.V1)
        {
            // No part by BSA: neither tables of AArch64, nor anything else that is of version 2 alone.
            unit.HasAarch64Tables.ShouldBeFalse();
            unit.HasWideStreamIds.ShouldBeFalse();
            unit.HasWideVmids.ShouldBeFalse();
            (unit.Idr2 >> 8).ShouldBe(0u);
            unit.UpstreamBits.ShouldBe(unit.IntermediateBits);
            return;
        }

        (unit.HasStage1 && unit.HasStage2).ShouldBeTrue("BSA B_SMMU_08 and B_SMMU_18.");
        (unit.HasGranule(12) && unit.HasGranule(16)).ShouldBeTrue();
        (ubs is <= 5 or 15).ShouldBeTrue();
        unit.UpstreamBits.ShouldBeGreaterThanOrEqualTo(unit.IntermediateBits);
        unit.IntermediateBits.ShouldBeGreaterThanOrEqualTo(unit.AddressBits, "Stage 2 can reach all memory.");
    }

    [Fact]
    public void Hardware_that_cannot_be_is_refused()
    {
        var unit = Smmu2Unit.Full;
        Smmu2Unit[] impossible =
        [
            unit with { Idr0 = unit.Idr0 & ~(3u << 29) },
            unit with { Idr0 = unit.Idr0 & ~(1u << 30) },
            unit with { Idr0 = unit.Idr0 & ~0xffu },
            unit with { Idr1 = unit.Idr1 | 0xff },
            unit with { Idr0 = unit.Idr0 | (2u << 24), Idr2 = unit.Idr2 & ~(7u << 12) },

            // Widths that are reserved: of IAS, OAS, UBS.
            unit with { Idr2 = unit.Idr2 | 6 },
            unit with { Idr2 = unit.Idr2 | (6 << 4) },
            unit with { Idr2 = (unit.Idr2 & ~0xf00u) | (6 << 8) },
            unit with { Idr2 = (unit.Idr2 & ~0xf00u) | (14 << 8) },

            // Stage 1 alone whose result is not as wide as a physical address; stage 2 alone that does not take what devices send.
            unit with { Idr0 = unit.Idr0 & ~(3u << 28), Idr1 = unit.Idr1 & ~(0xffu << 16), Idr2 = (unit.Idr2 & ~0xffu) | 0x54 },
            unit with { Idr0 = unit.Idr0 & ~(5u << 28), Idr2 = (unit.Idr2 & ~0xfffu) | 0xf55 },
        ];
        foreach (var one in impossible)
        {
            one.WhyImpossible().ShouldNotBeNull();
        }

        Smmu2Unit.Presets.ShouldAllBe(preset => preset.WhyImpossible() == null);
        (unit with { Idr0 = unit.Idr0 & ~(3u << 28), Idr2 = (unit.Idr2 & ~0xffu) | 0x44 }).WhyImpossible().ShouldBeNull();
        (unit with { Idr0 = unit.Idr0 & ~(5u << 28), Idr2 = (unit.Idr2 & ~0xfffu) | 0x444 }).WhyImpossible().ShouldBeNull();
        Should.Throw<ArgumentException>(() => new Smmu2Machine(options: new Smmu2ModelOptions { PostedInvalidations = -1 }));
        Should.Throw<ArgumentException>(() => new Smmu2Machine(options: new Smmu2ModelOptions { Iotlb = new(3, 1) }));
    }
}
