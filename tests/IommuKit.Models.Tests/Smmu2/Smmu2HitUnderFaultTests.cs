using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>What becomes of others while a bank has a fault that nobody has cleared: SCTLR.HUPCF (IHI 0062, section 3.7.3).</summary>
public sealed class Smmu2HitUnderFaultTests
{
    private const ulong Page = 0x7000_0000;
    private const int Bank = 5;
    private const uint Alone = Smmu2Machine.On & ~Smmu2Bank.Control.HitUnderFault;
    private const uint Aarch64 = 2u << Smmu2Bank.Faults.FormatShift;

    /// <summary>Without HUPCF everything after a fault ends too, what is cached and what faults itself, and nothing is told of it.</summary>
    [Theory]
    [InlineData(Smmu2Bank.Control.FaultAborts, Smmu2Outcome.Abort)]
    [InlineData(0u, Smmu2Outcome.Ignored)]
    public void Without_it_all_of_a_bank_end_until_the_fault_is_cleared(uint aborts, Smmu2Outcome ended)
    {
        using var machine = One((Alone & ~Smmu2Bank.Control.FaultAborts) | aborts);
        machine.Ask(0x9000).Outcome.ShouldBe(ended);
        machine.Ask(0x5000).Outcome.ShouldBe(ended, "which is in the IOTLB");
        machine.Ask(0xa000).Outcome.ShouldBe(ended);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | Aarch64);
        machine.Bank64(Bank, Smmu2Bank.FaultAddress).ShouldBe(0x9000ul);
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).Read(0x5000).ShouldBe(Page);
    }

    [Fact]
    public void With_it_each_is_translated_and_a_fault_adds_MULTI()
    {
        using var machine = One(Smmu2Machine.On);
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Ask(0xa000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | Smmu2Bank.Faults.Multiple | Aarch64);

        // Taken away while there is a fault, it holds from the next transaction on.
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Alone).Read(0x5000).ShouldBeNull();
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Machine.On).Read(0x5000).ShouldBe(Page);
    }

    /// <summary>A fault of stage 2 concerns all banks of stage 1 on top of it, and one of stage 1 its bank alone.</summary>
    [Fact]
    public void A_fault_of_stage_2_ends_what_its_other_banks_do()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong second = machine.NewTable(2);
        ulong one = machine.NewTable();
        ulong other = machine.NewTable();
        foreach (ulong root in new[] { one, other })
        {
            machine.Map(root, 0x5000, 0x9000 | Smmu2Machine.Leaf);
            machine.Map(root, 0x6000, 0xa000 | Smmu2Machine.Leaf);
        }

        machine.Map(second, 0x9000, Page | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        for (ulong table = 0x20_0000; table < 0x30_0000; table += 0x1000)
        {
            machine.Map(second, table, table | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        }

        machine.SetSecond(1, second, control: Alone);
        machine.SetFirst(5, one, control: Alone, attributes: Smmu2BankAttributes.Nested(1)).SetStream(0, 8, Smmu2StreamContext.Translate(5));
        machine.SetFirst(6, other, asid: 2, control: Alone, attributes: Smmu2BankAttributes.Nested(1))
            .SetStream(1, 9, Smmu2StreamContext.Translate(6));
        machine.Read(0x5000).ShouldBe(Page);
        machine.Read(0x5000, stream: 9).ShouldBe(Page);
        machine.Read(0x7000).ShouldBeNull();
        machine.Read(0x5000).ShouldBeNull();
        machine.Read(0x5000, stream: 9).ShouldBe(Page, "of another bank");
        machine.SetBank32(5, Smmu2Bank.FaultStatus, uint.MaxValue).Read(0x6000, stream: 9).ShouldBeNull();
        machine.Bank(1, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | Aarch64);
        machine.Read(0x5000).ShouldBeNull();
        machine.SetBank32(1, Smmu2Bank.FaultStatus, uint.MaxValue).Read(0x5000).ShouldBe(Page);
    }

    /// <summary>CFCFG that changes while a transaction stalls: it goes on to stall, and without HUPCF others wait for it, in both models.</summary>
    [Fact]
    public void A_stall_outlives_its_model()
    {
        using var machine = One(Alone | Smmu2Bank.Control.FaultStalls);
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Stalled);
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Alone).Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Retry);
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Machine.On).Read(0x5000).ShouldBe(Page);
        machine.Ask(0xa000).Outcome.ShouldBe(Smmu2Outcome.Retry);
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).SetBank32(Bank, Smmu2Bank.Resume, 0);
        machine.Ask(0xa000).Outcome.ShouldBe(Smmu2Outcome.Abort);

        // The other way round there is nothing to wait for: it ends.
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Alone | Smmu2Bank.Control.FaultStalls).Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Abort);
    }

    /// <summary>Software resumes without having cleared the fault: the retry ends, or faults anew, as HUPCF says.</summary>
    [Fact]
    public void A_fault_that_is_not_cleared_before_RESUME_is_one_to_come()
    {
        using var machine = One(Alone | Smmu2Bank.Control.FaultStalls);
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Stalled);
        machine.SetBank32(Bank, Smmu2Bank.Resume, 0);
        machine.Model.Translate(machine.Ended[0].Request).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue);
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Stalled);
    }

    [Fact]
    public void A_state_with_a_fault_holds_others_where_it_is_restored()
    {
        using var machine = One(Alone);
        machine.Read(0x9000).ShouldBeNull();
        byte[] state = machine.Model.Save();
        machine.Model.Reset();
        machine.SetStream(0, 8, Smmu2StreamContext.Bypass).SwitchOn().Read(0x5000).ShouldBe(0x5000ul);
        machine.Model.Restore(state);
        machine.Read(0x5000).ShouldBeNull();
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).Read(0x5000).ShouldBe(Page);
    }

    /// <summary>An MMU-500 has neither STALLD nor GSE (DDI 0517, section 2.3.4).</summary>
    [Fact]
    public void An_MMU_500_has_no_overrides_of_stalls()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu500).SwitchOn(Smmu2Global.Control.StallDisable | Smmu2Global.Control.GlobalStall);
        (machine.Model.Read32(Smmu2Global.Control0) & (Smmu2Global.Control.StallDisable | Smmu2Global.Control.GlobalStall)).ShouldBe(0u);
    }

    /// <summary>Of an atomic operation FSYNR0 tells the half that is missing alone, and the read if both are or the fault is another one.</summary>
    [Theory]
    [InlineData(1ul << 7, true)]
    [InlineData(0ul, false)]
    public void An_atomic_operation_is_told_as_the_half_that_is_denied(ulong readOnly, bool isWrite)
    {
        using var machine = One(Smmu2Machine.On);
        ulong root = machine.Bank64(Bank, Smmu2Bank.Table0) & 0xffff_ffff_f000;
        machine.Map(root, 0x6000, (Page | Smmu2Machine.Leaf | readOnly) & (readOnly != 0 ? ulong.MaxValue : ~(1ul << 6)));
        machine.Ask(0x6000, Smmu2Access.Read | Smmu2Access.Write).Outcome.ShouldBe(Smmu2Outcome.Abort);
        ((machine.Bank(Bank, Smmu2Bank.Syndrome0) & Smmu2Bank.Syndrome.Write) != 0).ShouldBe(isWrite);
    }

    private static Smmu2Machine One(uint control)
    {
        var machine = new Smmu2Machine().SwitchOn();
        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, Page | Smmu2Machine.Leaf);
        machine.SetFirst(Bank, root, control: control).SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
        machine.Read(0x5000).ShouldBe(Page);
        return machine;
    }
}
