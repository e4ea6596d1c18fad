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
        using var machine = new Smmu2Machine().SwitchOn()
            .SetStream(0, 8, Smmu2StreamContext.Bypass)
            .SetStream(5, 0, Smmu2StreamContext.Bypass, mask: 0xff);
        machine.Ask(0x1000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.MatchConflict);
        machine.Read(0x1000, stream: 9).ShouldBe(0x1000ul);
        machine.Model.Write32(Smmu2Global.StreamMatch, 8);
        machine.Read(0x1000).ShouldBe(0x1000ul);
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
        using var machine = new Smmu2Machine().SwitchOn(Smmu2Global.Control.ConfigurationFaultAborts);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(16)).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.NoSuchBank);

        // Nested on a bank of stage 1; on one that is not there; stage 1 that is to fault; the stream's own type.
        machine.SetRouting(Smmu2Routing.Attributes, 5, Smmu2BankAttributes.Nested(6).Value).SetRouting(Smmu2Routing.Attributes, 6, 1u << 16);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(5)).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.SetRouting(Smmu2Routing.Attributes, 5, Smmu2BankAttributes.Nested(200).Value).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.SetRouting(Smmu2Routing.Attributes, 5, 2u << 16).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);
        machine.SetStream(0, 8, Smmu2StreamContext.Fault).Ask(0).Outcome.ShouldBe(Smmu2Outcome.Abort);
        FaultOf(machine).ShouldBe(Smmu2Global.Faults.InvalidContext);

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
