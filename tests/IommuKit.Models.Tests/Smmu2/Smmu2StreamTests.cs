using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>Which group a stream is of, and what becomes of it.</summary>
public sealed class Smmu2StreamTests
{
    private const ulong Page = 0x7000_0000;

    [Fact]
    public void Nothing_is_translated_after_reset()
    {
        using var machine = new Smmu2Machine();
        machine.Read(0x1234).ShouldBe(0x1234ul);
    }

    [Fact]
    public void A_stream_that_nothing_matches_faults_or_passes()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        machine.Ask(0x1000, Smmu2Access.Write | Smmu2Access.Privileged).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.UnmatchedStream);
        machine.Model.Read64(Smmu2Global.FaultAddress).ShouldBe(0x1000ul);
        machine.Model.Read32(Smmu2Global.Syndrome0).ShouldBe(0x36u, "a privileged write that is not secure");
        machine.Model.Read32(Smmu2Global.Syndrome1).ShouldBe(Smmu2Machine.Device);
        machine.Interrupts.ShouldBe([new Smmu2Interrupt(Smmu2Interrupt.Global, true)]);

        machine.Ask(0x2000, stream: 9).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.UnmatchedStream | Smmu2Global.Faults.Multiple);
        machine.Model.Read64(Smmu2Global.FaultAddress).ShouldBe(0x1000ul, "the first fault stays");
        machine.Model.Write32(Smmu2Global.FaultStatus, uint.MaxValue);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(0u);
        machine.Interrupts[^1].IsRaised.ShouldBeFalse();

        machine.Model.Write32(Smmu2Global.Control0, 0);
        machine.Read(0x1000).ShouldBe(0x1000ul);
        machine.Model.Write32(Smmu2Global.Control0, Smmu2Global.Control.UnmatchedFaults);
        machine.Ask(0x1000).Outcome.ShouldBe(Smmu2Outcome.Ignored, "without GFRE there is no abort");
    }

    [Theory]
    [InlineData(8, 0, true)]
    [InlineData(9, 0, false)]
    [InlineData(9, 1, true)]
    [InlineData(0x1008, 0x1000, true)]
    [InlineData(0x1009, 0x1000, false)]
    [InlineData(0x8008, 0, false)]
    public void A_register_matches_by_id_and_mask(uint stream, uint mask, bool isMatch)
    {
        using var machine = new Smmu2Machine().SwitchOn().SetStream(3, 8, Smmu2StreamContext.Bypass, mask);
        (machine.Read(0x5000, stream) == 0x5000).ShouldBe(isMatch);
    }

    [Fact]
    public void Two_registers_that_match_are_a_conflict_until_one_is_invalid()
    {
        using var machine = new Smmu2Machine().SwitchOn(Smmu2Global.Control.ConflictFaults)
            .SetStream(0, 8, Smmu2StreamContext.Fault)
            .SetStream(5, 0, Smmu2StreamContext.Bypass, mask: 0xff);
        machine.Ask(0x1000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.MatchConflict);
        machine.Read(0x1000, stream: 9).ShouldBe(0x1000ul);

        // Without SMCFCFG it passes, whatever the two say; where that cannot be chosen it faults.
        machine.SwitchOn().Read(0x1000).ShouldBe(0x1000ul);
        machine.SwitchOn(Smmu2Global.Control.ConflictFaults).Read(0x1000).ShouldBeNull();
        machine.Model.Write32(Smmu2Global.StreamMatch, 8);
        machine.Read(0x1000).ShouldBe(0x1000ul);
        using var fixedOne = new Smmu2Machine(Smmu2Unit.Mmu500).SwitchOn();
        fixedOne.SetStream(0, 8, Smmu2StreamContext.Bypass).SetStream(5, 8, Smmu2StreamContext.Bypass).Read(0x1000).ShouldBeNull();
    }

    /// <summary>What passes is cut to the bits of a physical address, and not refused (IHI 0062, section 1.6.2).</summary>
    [Fact]
    public void What_passes_is_cut_to_what_a_physical_address_can_be()
    {
        using var machine = new Smmu2Machine().SwitchOn().SetStream(0, 8, Smmu2StreamContext.Bypass);
        machine.Read(0x00ff_0000_7000_1234).ShouldBe(0x7000_1234ul);
        var range = machine.Ask(0x00ff_0000_7000_1234).Range;
        (range.Iova, range.Length, range.PhysicalAddress).ShouldBe((0x00ff_0000_0000_0000ul, 1ul << 48, 0ul));
    }

    /// <summary>A bank that is off still checks addresses (IHI 0062, tables 3-1 to 3-4), and answers with no more than passes that.</summary>
    [Theory]
    [InlineData(false, false, 32, Smmu2Bank.Faults.Translation, 1u)]
    [InlineData(false, true, 48, Smmu2Bank.Faults.AddressSize, 0u)]
    [InlineData(true, false, 40, Smmu2Bank.Faults.AddressSize, 1u)]
    [InlineData(true, true, 48, Smmu2Bank.Faults.AddressSize, 0u)]
    public void A_bank_that_is_off_checks_how_wide_an_address_is(bool isSecond, bool is64, int bits, uint fault, uint level)
    {
        using var machine = new Smmu2Machine().SwitchOn();
        machine.SetRouting(Smmu2Routing.Attributes, 5, isSecond ? Smmu2BankAttributes.Stage2(1).Value : Smmu2BankAttributes.Stage1.Value);
        machine.SetRouting(Smmu2Routing.Attributes2, 5, is64 ? Smmu2Routing.Tables64 : 0);
        machine.SetBank32(5, Smmu2Bank.SystemControl, Smmu2Machine.On & ~Smmu2Bank.Control.Enable);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(5));
        ulong last = (1ul << bits) - 0x1000;
        machine.Read(last).ShouldBe(last);
        machine.Ask(0).Range.Length.ShouldBe(1ul << bits);
        machine.Read(1ul << bits).ShouldBeNull();
        (machine.Bank(5, Smmu2Bank.FaultStatus) & Smmu2Bank.Faults.All).ShouldBe(fault);
        (machine.Bank(5, Smmu2Bank.Syndrome0) & Smmu2Bank.Syndrome.LevelMask).ShouldBe(level);
    }

    [Fact]
    public void With_EXIDENABLE_ids_have_16_bits_and_S2CR_says_whether_they_are_valid()
    {
        using var machine = new Smmu2Machine().SwitchOn(Smmu2Global.Control.WideStreamIds);
        machine.Model.Write32(Smmu2Global.StreamMatch, 0x0001_8008);
        machine.Model.Write32(Smmu2Global.StreamContext, Smmu2StreamContext.Bypass.Value);
        machine.Read(0x1000, stream: 0x8008).ShouldBeNull();
        machine.Model.Write32(Smmu2Global.StreamContext, Smmu2StreamContext.Bypass.Value | Smmu2StreamContext.MatchValid);
        machine.Read(0x1000, stream: 0x8008).ShouldBe(0x1000ul);
        machine.Read(0x1000, stream: 0x8009).ShouldBe(0x1000ul);
        machine.Read(0x1000, stream: 0x8).ShouldBeNull();
    }

    [Fact]
    public void Without_stream_matching_the_id_is_the_number_of_the_group()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Full with { Idr0 = Smmu2Unit.Full.Idr0 & ~(1u << 27) }).SwitchOn();
        machine.Model.Write32(Smmu2Global.StreamContext + (8 * 4), Smmu2StreamContext.Bypass.Value);
        machine.Model.Write32(Smmu2Global.StreamMatch, 1);
        machine.Model.Read32(Smmu2Global.StreamMatch).ShouldBe(0u);
        machine.Read(0x1000).ShouldBe(0x1000ul);
        machine.Ask(0x1000, stream: 7).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.Ask(0x1000, stream: 32).Outcome.ShouldBe(Smmu2Outcome.Abort, "there are 32 groups");
    }

    [Fact]
    public void A_bank_that_is_not_there_or_cannot_be_is_a_global_fault()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(16)).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Interrupts[^1].ShouldBe(new Smmu2Interrupt(Smmu2Interrupt.Global, true), "GFIE is for all but accesses of registers");
        (machine.Model.Read32(Smmu2Global.Syndrome0) & Smmu2Global.Syndrome.Nested).ShouldBe(0u);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.NoSuchBank);
        machine.Interrupts[^1].IsRaised.ShouldBeFalse();

        // Nested on a bank of stage 1; on one that is not there; stage 1 that is to fault; the stream's own type.
        machine.SetRouting(Smmu2Routing.Attributes, 5, Smmu2BankAttributes.Nested(6).Value).SetRouting(Smmu2Routing.Attributes, 6, 1u << 16);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(5)).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        (machine.Model.Read32(Smmu2Global.Syndrome0) & Smmu2Global.Syndrome.Nested).ShouldBe(1u);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.SetRouting(Smmu2Routing.Attributes, 5, Smmu2BankAttributes.Nested(200).Value).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        (machine.Model.Read32(Smmu2Global.Syndrome0) & Smmu2Global.Syndrome.Nested).ShouldBe(1u);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.NoSuchBank);

        // Stage 1 of AArch64 on stage 2 of AArch32; the other way round can be.
        machine.SetRouting(Smmu2Routing.Attributes, 5, Smmu2BankAttributes.Nested(1).Value).SetRouting(Smmu2Routing.Attributes2, 5, 1);
        machine.Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.SetRouting(Smmu2Routing.Attributes2, 5, 0).SetRouting(Smmu2Routing.Attributes2, 1, 1).Read(0x4000).ShouldBe(0x4000ul);
        machine.SetRouting(Smmu2Routing.Attributes, 5, 2u << 16).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.SetStream(0, 8, Smmu2StreamContext.Fault).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        (machine.Model.Read32(Smmu2Global.Syndrome0) & Smmu2Global.Syndrome.Nested).ShouldBe(0u);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);

        // MULTI alone is a fault that was told: another one adds nothing, and the line is up.
        machine.Model.Write32(Smmu2Global.FaultStatusRestore, Smmu2Global.Faults.Multiple);
        machine.Interrupts[^1].IsRaised.ShouldBeTrue();
        machine.Ask(0x7000);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.Multiple);
        machine.Model.Read64(Smmu2Global.FaultAddress).ShouldBe(0ul);

        // A bank that is off lets everything pass, as those use who cannot write type bypass.
        machine.SetRouting(Smmu2Routing.Attributes, 5, 1u << 16).SetStream(0, 8, Smmu2StreamContext.Translate(5)).Read(0x4000).ShouldBe(0x4000ul);
    }

    [Fact]
    public void A_change_of_a_stream_holds_from_the_next_transaction_on()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong one = machine.NewTable();
        ulong two = machine.NewTable();
        machine.Map(one, 0x5000, Page | Smmu2Machine.Leaf);
        machine.Map(two, 0x5000, (Page + 0x1000) | Smmu2Machine.Leaf);
        machine.SetFirst(5, one, asid: 1).SetFirst(6, two, asid: 2).SetStream(0, 8, Smmu2StreamContext.Translate(5));
        machine.Read(0x5000).ShouldBe(Page);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(6)).Read(0x5000).ShouldBe(Page + 0x1000);
        machine.SetStream(0, 8, Smmu2StreamContext.Fault).Read(0x5000).ShouldBeNull();
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(5)).Read(0x5000).ShouldBe(Page);
        machine.SetBank32(5, Smmu2Bank.SystemControl, 0).Read(0x5000).ShouldBe(0x5000ul);
    }

    [Fact]
    public void Overrides_of_privilege_and_instruction_count()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, (Page | Smmu2Machine.Leaf) & ~(1ul << 6));
        machine.Map(root, 0x6000, Page | Smmu2Machine.Leaf | (1ul << 54));
        machine.SetFirst(5, root).SetStream(0, 8, Smmu2StreamContext.Translate(5));
        machine.Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Ask(0x5000, Smmu2Access.Read | Smmu2Access.Privileged).Outcome.ShouldBe(Smmu2Outcome.Allowed);
        machine.Ask(0x6000, Smmu2Access.Read | Smmu2Access.Execute).Outcome.ShouldBe(Smmu2Outcome.Abort);

        machine.SetStream(0, 8, new Smmu2StreamContext(5 | (3u << 24) | (2u << 26)));
        machine.Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Allowed);
        machine.Ask(0x6000, Smmu2Access.Read | Smmu2Access.Execute).Outcome.ShouldBe(Smmu2Outcome.Allowed);
        machine.SetStream(0, 8, new Smmu2StreamContext(5 | (2u << 24) | (3u << 26)));
        machine.Ask(0x5000, Smmu2Access.Read | Smmu2Access.Privileged).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Ask(0x6000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Ask(0x6000, Smmu2Access.Write).Outcome.ShouldBe(Smmu2Outcome.Allowed);
    }

    private static uint FaultOf(Smmu2Machine machine)
    {
        uint status = machine.Model.Read32(Smmu2Global.FaultStatus);
        machine.Model.Write32(Smmu2Global.FaultStatus, status);
        return status;
    }
}
