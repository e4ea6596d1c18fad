using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>Faults of context banks: records, interrupts, stalls.</summary>
public sealed class Smmu2FaultTests
{
    private const ulong Page = 0x7000_0000;
    private const int Bank = 5;
    private const uint Stall = (Smmu2Machine.On & ~Smmu2Bank.Control.HitUnderFault) | Smmu2Bank.Control.FaultStalls;
    private const uint Aarch64 = 2u << Smmu2Bank.Faults.FormatShift;

    [Fact]
    public void The_first_fault_is_recorded_and_others_are_counted()
    {
        using var machine = One();
        machine.Ask(0xabc_d123, Smmu2Access.Write | Smmu2Access.Privileged).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | (2u << 9), "AArch64");
        machine.Bank64(Bank, Smmu2Bank.FaultAddress).ShouldBe(0xabc_d123ul);
        machine.Bank(Bank, Smmu2Bank.Syndrome0).ShouldBe(0x32u, "level 2, a privileged write");
        machine.Routing(Smmu2Routing.FaultStream, Bank).ShouldBe(8u);
        machine.Interrupts.ShouldBe([new Smmu2Interrupt(Bank, true)]);

        machine.Ask(0x6000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | (2u << 9) | Smmu2Bank.Faults.Multiple);
        machine.Bank64(Bank, Smmu2Bank.FaultAddress).ShouldBe(0xabc_d123ul);

        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, Smmu2Bank.Faults.Multiple);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | (2u << 9), "ones clear, and nothing else");
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Aarch64, "FORMAT is read-only");
        machine.Interrupts[^1].ShouldBe(new Smmu2Interrupt(Bank, false));

        // MULTI alone is a fault too: nothing new is recorded, and the line is up.
        machine.SetBank32(Bank, Smmu2Bank.FaultStatusRestore, Smmu2Bank.Faults.Multiple);
        machine.Interrupts[^1].ShouldBe(new Smmu2Interrupt(Bank, true));
        machine.Ask(0x7000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Multiple | Aarch64);
        machine.Bank64(Bank, Smmu2Bank.FaultAddress).ShouldBe(0xabc_d123ul);
    }

    [Fact]
    public void Without_CFRE_a_fault_is_silent_to_the_device_and_without_CFIE_to_software()
    {
        using var machine = One();
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Bank.Control.Enable | Smmu2Bank.Control.HitUnderFault)
            .Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Ignored);
        machine.Interrupts.ShouldBeEmpty();
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Machine.On);
        machine.Interrupts.ShouldBe([new Smmu2Interrupt(Bank, true)], "the record is still there");
    }

    [Fact]
    public void A_fault_can_be_restored_by_software()
    {
        using var machine = One();
        machine.SetBank32(Bank, Smmu2Bank.FaultStatusRestore, Smmu2Bank.Faults.Permission | Smmu2Bank.Faults.Stalled);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Permission | Aarch64, "a stall is not one that software can make");
        machine.SetBank32(Bank, Smmu2Bank.FaultStatusRestore, Smmu2Bank.Faults.Translation);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | Aarch64, "it is written, not added");
        machine.Interrupts.Count.ShouldBe(1);
        machine.Model.Write32(Smmu2Global.FaultStatusRestore, Smmu2Global.Faults.UnmatchedStream);
        machine.Interrupts[^1].ShouldBe(new Smmu2Interrupt(Smmu2Interrupt.Global, true));
    }

    [Fact]
    public void A_fault_of_stage_2_is_of_its_bank_and_names_that_of_stage_1()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong second = machine.NewTable(2);
        ulong root = machine.NewTable();
        machine.SetSecond(1, second).SetFirst(Bank, root, attributes: Smmu2BankAttributes.Nested(1));
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
        machine.Ask(0x5000, Smmu2Access.Write).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Aarch64);
        machine.Bank(1, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | (2u << 9));
        machine.Bank64(1, Smmu2Bank.FaultAddress).ShouldBe(0x5000ul);
        machine.Bank64(1, Smmu2Bank.FaultIpa).ShouldBe(root, "the entry that stage 1 wanted");
        machine.Bank(1, Smmu2Bank.Syndrome0).ShouldBe(0x180u | (1 << 4) | (1 << 3) | (1 << 2) | 1 | ((uint)Bank << 16), "S1PTWF, NESTED, level 1");
        machine.Routing(Smmu2Routing.FaultStream, 1).ShouldBe(8u);
        machine.Interrupts.ShouldBe([new Smmu2Interrupt(1, true)]);
    }

    [Theory]
    [InlineData(0, Smmu2Bank.Faults.Translation)]
    [InlineData(0x7000_0000 | 0x803, Smmu2Bank.Faults.AccessFlag)]
    [InlineData(0x7000_0000 | 0xc83, Smmu2Bank.Faults.Permission)]
    [InlineData(0x7000_0000 | 0xc03, Smmu2Bank.Faults.Permission)]
    [InlineData(0x7000_0000 | 0xc41, Smmu2Bank.Faults.Translation)]
    public void What_is_wrong_with_a_page_has_a_name(ulong leaf, uint fault)
    {
        using var machine = One();
        ulong root = machine.Bank64(Bank, Smmu2Bank.Table0) & 0xffff_ffff_f000;
        machine.Map(root, 0x6000, leaf);
        machine.Ask(0x6000, Smmu2Access.Write).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(fault | (2u << 9));
        (machine.Bank(Bank, Smmu2Bank.Syndrome0) & Smmu2Bank.Syndrome.LevelMask).ShouldBe(3u);
    }

    [Fact]
    public void Tables_where_there_is_no_memory_are_an_external_fault_and_wide_addresses_are_too_wide()
    {
        using var machine = One();
        machine.SetBank(Bank, Smmu2Bank.Table0, 0xffff_ffff_f000 | (1ul << 48)).Invalidate(Bank, Smmu2Bank.DropAll, 0);
        machine.Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.External | (2u << 9));
        machine.Bank(Bank, Smmu2Bank.Syndrome0).ShouldBe(Smmu2Bank.Syndrome.Walk);
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue);
        machine.SetBank32(Bank, Smmu2Bank.Control2, 0x3_8010).Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.AddressSize | (2u << 9), "PASize 0 is 32 bits");
    }

    [Fact]
    public void A_transaction_stalls_until_it_is_resumed_and_others_wait_behind_it()
    {
        using var machine = One();
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Stall);
        var answer = machine.Ask(0x9000, Smmu2Access.Write);
        answer.Outcome.ShouldBe(Smmu2Outcome.Stalled);
        answer.Bank.ShouldBe(Bank);
        (machine.Bank(Bank, Smmu2Bank.FaultStatus) & Smmu2Bank.Faults.Stalled).ShouldNotBe(0u);
        machine.Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Retry, "even what is cached");

        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Stall | Smmu2Bank.Control.HitUnderFault).Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Allowed);
        machine.Ask(0xa000).Outcome.ShouldBe(Smmu2Outcome.Retry, "one that faults waits too");
        (machine.Bank(Bank, Smmu2Bank.FaultStatus) & Smmu2Bank.Faults.Multiple).ShouldBe(0u, "and is told when it is asked again");
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue);
        (machine.Bank(Bank, Smmu2Bank.FaultStatus) & Smmu2Bank.Faults.Stalled).ShouldNotBe(0u, "a write of FSR does not end a stall");

        machine.SetBank32(Bank, Smmu2Bank.Resume, 0);
        machine.Ended.ShouldBe([new Smmu2StallEnd(Bank, new Smmu2Request(8, 0x9000, Smmu2Access.Write), Smmu2Outcome.Retry)]);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Aarch64);
        machine.SetBank32(Bank, Smmu2Bank.Resume, 1);
        machine.Ended.Count.ShouldBe(1, "nothing stalls");

        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Stalled);
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).SetBank32(Bank, Smmu2Bank.Resume, 1);
        machine.Ended[^1].Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Ask(0x5000).Outcome.ShouldBe(Smmu2Outcome.Allowed);
    }

    [Fact]
    public void Stalls_can_be_forbidden_and_can_stop_everything()
    {
        using var machine = One();
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Stall).SwitchOn(Smmu2Global.Control.StallDisable);
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Abort);
        machine.Bank(Bank, Smmu2Bank.SystemControl).ShouldBe(Stall & ~Smmu2Bank.Control.FaultStalls, "CFCFG reads as zero, and stays what it was");
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Stall & ~Smmu2Bank.Control.FaultStalls).SwitchOn(
            Smmu2Global.Control.StallDisable | Smmu2Global.Control.GlobalStall);
        (machine.Model.Read32(Smmu2Global.Control0) & Smmu2Global.Control.GlobalStall).ShouldBe(0u);
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).SwitchOn(Smmu2Global.Control.GlobalStall);
        machine.SetFirst(6, machine.NewTable(), asid: 6).SetStream(1, 9, Smmu2StreamContext.Translate(6));
        machine.Ask(0x9000).Outcome.ShouldBe(Smmu2Outcome.Stalled);
        machine.Ask(0x5000, stream: 9).Outcome.ShouldBe(Smmu2Outcome.Retry);
        machine.SwitchOn().Ask(0x5000, stream: 9).Outcome.ShouldBe(Smmu2Outcome.Abort);
    }

    [Fact]
    public void A_sign_position_decides_which_table_an_address_is_of()
    {
        using var machine = One();
        ulong upper = machine.NewTable();
        machine.Map(upper, 0xffff_ffff_ffff_5000, Page | Smmu2Machine.Leaf);
        machine.SetBank(Bank, Smmu2Bank.Table1, upper).SetBank32(Bank, Smmu2Bank.TableControl, 16 | (16 << 16) | (2u << 30));
        machine.Read(0xffff_ffff_ffff_5000).ShouldBe(Page);
        machine.Read(0x0000_ffff_ffff_5000).ShouldBeNull();
        machine.SetBank32(Bank, Smmu2Bank.Control2, 5 | (5u << Smmu2Bank.SignShift)).Read(0x0000_ffff_ffff_5000).ShouldBe(Page, "bit 47 is the sign");

        // Above it there are zeros; anything else is a fault of level 0.
        machine.SetBank32(Bank, Smmu2Bank.FaultStatus, uint.MaxValue).Read(0xffff_ffff_ffff_5000).ShouldBeNull();
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | Aarch64);
        machine.Bank(Bank, Smmu2Bank.Syndrome0).ShouldBe(0u);
        machine.Bank64(Bank, Smmu2Bank.FaultAddress).ShouldBe(0xffff_ffff_ffff_5000ul);
    }

    /// <summary>SEP = 7: of a bus of 49 bits the highest is the sign; a narrower one has none, and what SEP names beyond it is zero.</summary>
    [Theory]
    [InlineData(5, 7u, 0x0001_ffff_ffff_5000ul, true)]
    [InlineData(5, 6u, 0x0001_ffff_ffff_5000ul, true)]
    [InlineData(5, 5u, 0x0001_ffff_ffff_5000ul, false)]
    [InlineData(4, 7u, 0x0000_0fff_ffff_5000ul, false)]
    [InlineData(4, 5u, 0x0000_0fff_ffff_5000ul, false)]
    [InlineData(4, 4u, 0x0000_0fff_ffff_5000ul, true)]
    public void A_bus_has_a_sign_or_none(int bus, uint position, ulong address, bool isUpper)
    {
        using var machine = One(Smmu2Unit.Full with { Idr2 = (Smmu2Unit.Full.Idr2 & ~0xf00u) | ((uint)bus << 8) });
        ulong upper = machine.NewTable();
        machine.Map(upper, 0xffff_ffff_ffff_5000, Page | Smmu2Machine.Leaf);
        machine.SetBank(Bank, Smmu2Bank.Table1, upper).SetBank32(Bank, Smmu2Bank.TableControl, 16 | (16 << 16) | (2u << 30));
        machine.SetBank32(Bank, Smmu2Bank.Control2, 5 | (position << Smmu2Bank.SignShift));
        machine.Read(address).ShouldBe(isUpper ? Page : null);
    }

    private static Smmu2Machine One(Smmu2Unit? unit = null)
    {
        var machine = new Smmu2Machine(unit).SwitchOn();
        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, Page | Smmu2Machine.Leaf);
        machine.SetFirst(Bank, root).SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
        machine.Read(0x5000).ShouldBe(Page);
        return machine;
    }
}
