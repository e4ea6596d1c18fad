using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>Address translation by registers (IHI 0062, chapter 4): ATS1 of a bank with PAR, GATS1 and GATS12 with GPAR.</summary>
public sealed class Smmu2AddressTranslationTests
{
    private const ulong Page = 0x7000_0000;
    private const int Bank = 5;
    private const ulong New = 1 << 11;
    private const ulong Terminated = 1 | (1ul << 31);
    private const ulong Aarch64 = 2 << 8;
    private const uint Both = Smmu2Global.TranslateFirst + 0x20;

    [Fact]
    public void Stage_1_of_a_bank()
    {
        using var machine = One();
        Ask(machine, 0x5fff).ShouldBe(Page | New | (0x44ul << 56), "MAIR byte 0, not shareable");
        machine.Bank(Bank, Smmu2Bank.TranslationStatus).ShouldBe(0u);
        Ask(machine, 0x9000).ShouldBe(1ul | Smmu2Bank.Faults.Translation | Aarch64 | (3ul << 32), "level 3, stage 1");
        Ask(machine, 1ul << 40).ShouldBe(1ul | Smmu2Bank.Faults.Translation | Aarch64);
        machine.Bank(Bank, Smmu2Bank.FaultStatus).ShouldBe(2u << 9, "that is no fault of a device");
        machine.Interrupts.ShouldBeEmpty();

        // Privileged alone: UR and UW fail, PR and PW do not.
        ulong root = machine.Bank64(Bank, Smmu2Bank.Table0) & 0xffff_ffff_f000;
        machine.Map(root, 0x6000, Page | (Smmu2Machine.Leaf & ~(1ul << 6)));
        ulong[] results = [.. Enumerable.Range(0, 4).Select(kind =>
            machine.SetBank(Bank, Smmu2Bank.TranslateFirst + ((uint)kind * 8), 0x6000).Bank64(Bank, Smmu2Bank.TranslationResult) & 0xff)];
        results.ShouldBe([0ul, 0, 1 | Smmu2Bank.Faults.Permission, 1 | Smmu2Bank.Faults.Permission]);

        // Of two halves the lower one acts, with zeros above it.
        machine.SetBank32(Bank, Smmu2Bank.TranslateFirst, 0x5000);
        (machine.Bank64(Bank, Smmu2Bank.TranslationResult) & 0xffff_ffff_f000).ShouldBe(Page);
        machine.SetBank32(Bank, Smmu2Bank.TranslateFirst + 4, 0x100);
        (machine.Bank64(Bank, Smmu2Bank.TranslationResult) & 0xffff_ffff_f000).ShouldBe(Page);

        // A bank of stage 2 has none of it, and a fault of a device that nobody has cleared changes nothing.
        machine.SetSecond(1, machine.NewTable(2)).SetBank(1, Smmu2Bank.TranslateFirst, 0x5000).Bank64(1, Smmu2Bank.TranslationResult).ShouldBe(0ul);
        machine.SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Machine.On & ~Smmu2Bank.Control.HitUnderFault).Read(0x9000).ShouldBeNull();
        (Ask(machine, 0x5000) & 1).ShouldBe(0ul);
        using var without = new Smmu2Machine(Smmu2Unit.Mmu500).SwitchOn();
        Ask(without, 0x5000).ShouldBe(0ul);
    }

    /// <summary>Software gives a whole address: no sign is extended, and what a bus cannot carry is a fault.</summary>
    [Fact]
    public void An_address_is_complete()
    {
        using var machine = One(Smmu2Unit.Full with { Idr2 = (Smmu2Unit.Full.Idr2 & ~0xf00u) | 0x500 });
        ulong upper = machine.NewTable();
        machine.Map(upper, 0xffff_ffff_ffff_5000, Page | Smmu2Machine.Leaf);
        machine.SetBank(Bank, Smmu2Bank.Table1, upper).SetBank32(Bank, Smmu2Bank.TableControl, 16 | (16 << 16) | (2u << 30));
        machine.Read(0x0001_ffff_ffff_5000).ShouldBe(Page);
        (Ask(machine, 0x0001_ffff_ffff_5000) & 3).ShouldBe(3ul);
        (Ask(machine, 0xffff_ffff_ffff_5000) & 0xffff_ffff_f001).ShouldBe(Page);
        (Ask(machine, 0x00ff_ffff_ffff_5000) & 3).ShouldBe(3ul);
    }

    /// <summary>What stage 2 meets is for its owner: recorded in its bank, with ATOF, and the asker is told no more than that it ended.</summary>
    [Fact]
    public void A_fault_of_stage_2_is_recorded_in_its_bank_and_ends_the_operation()
    {
        using var machine = Nested(out ulong second, out ulong root);
        Ask(machine, 0x5000).ShouldBe(0x9000ul | New | (0x44ul << 56), "the IPA");
        ulong table = root + 0x1000;
        machine.Map(second, table, 0, startLevel: 1, inputBits: 40);
        machine.Model.Evict();
        machine.Interrupts.Clear();
        Ask(machine, 0x5000).ShouldBe(Terminated);
        machine.Bank(1, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | (2u << 9));
        machine.Bank64(1, Smmu2Bank.FaultAddress).ShouldBe(0x5000ul);
        machine.Bank64(1, Smmu2Bank.FaultIpa).ShouldBe(table);
        machine.Bank(1, Smmu2Bank.Syndrome0).ShouldBe(
            3 | (1 << 2) | (1 << 3) | 0x180u | Smmu2Bank.Syndrome.AddressTranslation | Smmu2Bank.Syndrome.Privileged | ((uint)Bank << 16));
        machine.Interrupts.ShouldBe([new Smmu2Interrupt(1, true)]);
        Ask(machine, 0x5000).ShouldBe(Terminated);
        machine.Bank(1, Smmu2Bank.FaultStatus).ShouldBe(Smmu2Bank.Faults.Translation | Smmu2Bank.Faults.Multiple | (2u << 9));

        // Without HUPCF a fault of stage 2 ends it whether it would succeed or not.
        machine.Map(second, table, table | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        (Ask(machine, 0x5000) & 1).ShouldBe(0ul);
        machine.SetBank32(1, Smmu2Bank.SystemControl, Smmu2Machine.On & ~Smmu2Bank.Control.HitUnderFault);
        Ask(machine, 0x5000).ShouldBe(Terminated);
    }

    [Fact]
    public void A_bank_that_cannot_be_is_a_global_fault()
    {
        using var machine = One();
        machine.SetRouting(Smmu2Routing.Attributes, Bank, Smmu2BankAttributes.Nested(77).Value);
        Ask(machine, 0x5000).ShouldBe(Terminated);
        machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.NoSuchBank);
        machine.Model.Read32(Smmu2Global.Syndrome0).ShouldBe(
            Smmu2Global.Syndrome.Nested | Smmu2Global.Syndrome.NonSecure | Smmu2Global.Syndrome.NonSecureAccess | (1u << 6));
        machine.Interrupts.ShouldBe([new Smmu2Interrupt(Smmu2Interrupt.Global, true)]);
    }

    [Fact]
    public void Both_stages_through_the_global_space()
    {
        using var machine = Nested(out ulong second, out _);
        Globally(machine, Smmu2Global.TranslateFirst, 0x5000 | Bank).ShouldBe(0x9000ul | New | (0x44ul << 56), "GATS1");
        (Globally(machine, Both, 0x5000 | Bank) & 0xffff_ffff_f001).ShouldBe(Page, "GATS12");

        // Of two halves the lower one acts.
        machine.Model.Write32(Smmu2Global.TranslateFirst, 0x5000 | Bank);
        (machine.Model.Read64(Smmu2Global.TranslationResult) & 0xffff_ffff_f001).ShouldBe(0x9000ul);
        machine.Model.Write32(Both + 4, 0);
        (machine.Model.Read64(Smmu2Global.TranslationResult) & 0xffff_ffff_f001).ShouldBe(0x9000ul);

        // Faults are in GPAR and nowhere else, of either stage.
        machine.Map(second, 0x9000, 0, startLevel: 1, inputBits: 40);
        machine.Model.Evict();
        Globally(machine, Both, 0x5000 | Bank).ShouldBe(1ul | Smmu2Bank.Faults.Translation | Aarch64 | (3ul << 32) | (1ul << 35), "stage 2");
        Globally(machine, Both, 0x7000 | Bank).ShouldBe(1ul | Smmu2Bank.Faults.Translation | Aarch64 | (3ul << 32));
        (machine.Bank(1, Smmu2Bank.FaultStatus) & Smmu2Bank.Faults.All).ShouldBe(0u);
        machine.Interrupts.ShouldBeEmpty();

        // A bank of stage 2, or none, is no index; stage 1 that is to fault is an invalid context.
        foreach (int bank in new[] { 1, 77 })
        {
            Globally(machine, Both, 0x5000 | (uint)bank).ShouldBe(1ul | (1ul << 30));
            machine.Model.Read32(Smmu2Global.FaultStatus).ShouldBe(Smmu2Global.Faults.NoSuchBank);
            machine.Model.Write32(Smmu2Global.FaultStatus, uint.MaxValue);
        }

        machine.SetRouting(Smmu2Routing.Attributes, Bank, 2u << 16);
        Globally(machine, Both, 0x5000 | Bank).ShouldBe(1ul | (1ul << 29));
    }

    /// <summary>PAR of short tables: attributes as their entries have them, and a supersection with 40 bits in 32.</summary>
    [Theory]
    [InlineData(0x7000_0000u | 2 | (1 << 10) | (1 << 16) | (3 << 2) | (1 << 11), 0x5000u, 0x7000_5000ul | (1 << 7) | (7 << 4))]
    [InlineData(0x7000_0000u | 2 | (1 << 10) | (2 << 2) | (1 << 11), 0x5000u, 0x7000_5000ul | (6 << 4) | (1 << 2))]
    [InlineData(0x7000_0000u | 2 | (1 << 10) | (1 << 2) | (1 << 11), 0x5000u, 0x7000_5000ul | (3 << 4) | (3 << 2))]
    [InlineData(0x7000_0000u | 2 | (1 << 10) | (1 << 12) | (1 << 11), 0x5000u, 0x7000_5000ul | (3 << 2))]
    [InlineData(0x7000_0000u | 2 | (1 << 10) | (1 << 12) | (3 << 2) | (1 << 11), 0x5000u, 0x7000_5000ul | (5 << 4) | (2 << 2))]
    [InlineData(0x7030_0000u | 2 | (1 << 18) | (5 << 5) | (1 << 10) | (3 << 2) | (1 << 11), 0x12_5000u, 0x7053_0000ul | (7 << 4) | 2)]
    public void Short_tables_have_their_own_result(uint entry, uint address, ulong expected)
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong root = machine.NewTable(4);
        for (ulong at = 0; at < 16 * 4; at += 4)
        {
            machine.Store32(root + at, entry);
        }

        machine.SetRouting(Smmu2Routing.Attributes, Bank, Smmu2BankAttributes.Stage1.Value);
        machine.SetBank(Bank, Smmu2Bank.Table0, root).SetBank32(Bank, Smmu2Bank.SystemControl, Smmu2Machine.On);
        Ask(machine, address).ShouldBe(expected);
    }

    private static ulong Ask(Smmu2Machine machine, ulong address) =>
        machine.SetBank(Bank, Smmu2Bank.TranslateFirst, address).Bank64(Bank, Smmu2Bank.TranslationResult);

    private static ulong Globally(Smmu2Machine machine, uint register, ulong value)
    {
        machine.Model.Write64(register, value);
        return machine.Model.Read64(Smmu2Global.TranslationResult);
    }

    private static Smmu2Machine One(Smmu2Unit? unit = null)
    {
        var machine = new Smmu2Machine(unit).SwitchOn();
        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, Page | Smmu2Machine.Leaf);
        machine.SetFirst(Bank, root).SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
        return machine;
    }

    private static Smmu2Machine Nested(out ulong second, out ulong root)
    {
        var machine = new Smmu2Machine().SwitchOn();
        second = machine.NewTable(2);
        root = machine.NewTable();
        machine.Map(root, 0x5000, 0x9000 | Smmu2Machine.Leaf);
        machine.Map(second, 0x9000, Page | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        for (ulong table = 0x20_0000; table < 0x30_0000; table += 0x1000)
        {
            machine.Map(second, table, table | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        }

        machine.SetSecond(1, second).SetFirst(Bank, root, attributes: Smmu2BankAttributes.Nested(1));
        return machine;
    }
}
