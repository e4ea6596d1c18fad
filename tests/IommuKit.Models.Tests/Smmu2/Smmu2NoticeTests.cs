using IommuKit.Models.Dma;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>What is told of invalidations: what each register names (IHI 0062, chapters 9 to 16), and when.</summary>
public sealed class Smmu2NoticeTests
{
    private const ulong Va = 0x12_3456_7000;
    private const ulong Page = Va >> 12;
    // The first banks of this unit have stage 2 alone.
    private const int First = 4;
    private const int Second = 5;

    private static readonly InvalidationNotice s_everything = new(InvalidationScope.Everything);
    private static readonly InvalidationNotice s_space = new(InvalidationScope.AddressSpace, Domain: 0);
    private static readonly InvalidationNotice s_pages = new(InvalidationScope.Pages, Va, Va + 0xfff, Domain: 0);

    public static TheoryData<string, int, uint, ulong, InvalidationNotice?> Registers() => new()
    {
        { "TLBIVA", First, Smmu2Bank.DropVa, Page | (7ul << Smmu2Bank.AsidShift), s_pages with { Space = 7 } },
        { "TLBIVAL", First, Smmu2Bank.DropVaLeaf, Page | (7ul << Smmu2Bank.AsidShift), s_pages with { Space = 7, LeavesOnly = true } },
        { "TLBIVAA", First, Smmu2Bank.DropVaAllAsids, Page, s_pages },
        { "TLBIVAAL", First, Smmu2Bank.DropVaAllAsidsLeaf, Page, s_pages with { LeavesOnly = true } },
        { "TLBIASID", First, Smmu2Bank.DropAsid, 7, s_space with { Space = 7 } },
        { "TLBIALL", First, Smmu2Bank.DropAll, 0, s_space },
        { "TLBIIPAS2", Second, Smmu2Bank.DropIpa, Page, s_pages with { Domain = 5 } },
        { "TLBIIPAS2L", Second, Smmu2Bank.DropIpaLeaf, Page, s_pages with { Domain = 5, LeavesOnly = true } },

        // Those of the other stage do nothing.
        { "TLBIIPAS2 of stage 1", First, Smmu2Bank.DropIpa, Page, null },
        { "TLBIVA of stage 2", Second, Smmu2Bank.DropVa, Page, null },
        { "TLBSYNC", First, Smmu2Bank.Sync, 0, null },
        { "FSR", First, Smmu2Bank.FaultStatus, 0xff, null },

        // What says how a bank translates.
        { "SCTLR", First, Smmu2Bank.SystemControl, 0, s_everything },
        { "TTBR0", First, Smmu2Bank.Table0, 0x20_0000, s_everything },
        { "TCR", First, Smmu2Bank.TableControl, 0, s_everything },
    };

    [Theory]
    [MemberData(nameof(Registers))]
    public void Each_register_of_a_bank_tells_what_it_names(string name, int bank, uint register, ulong value, InvalidationNotice? expected)
    {
        using var machine = Machine();
        var notices = Listen(machine);
        machine.SetBank(bank, register, value);
        notices.ShouldBe(expected is { } one ? [one] : [], name);
    }

    [Fact]
    public void Each_global_register_tells_what_it_names()
    {
        using var machine = Machine();
        var notices = Listen(machine);
        (uint Register, uint Value, InvalidationNotice? Expected)[] cases =
        [
            (Smmu2Global.DropVmid, 5, s_space with { Domain = 5 }), (Smmu2Global.DropAllGuests, 0, s_everything),
            (Smmu2Global.DropHypervisor, 0, null), (Smmu2Global.Sync, 0, null), (Smmu2Global.FaultStatus, 1, null),
            (Smmu2Global.StreamMatch, 1, s_everything), (Smmu2Global.StreamContext, 0, s_everything), (Smmu2Global.Control0, 1, s_everything),
        ];
        foreach (var (register, value, expected) in cases)
        {
            notices.Clear();
            machine.Model.Write32(register, value);
            notices.ShouldBe(expected is { } one ? [one] : [], $"0x{register:x}");
        }

        notices.Clear();
        machine.Model.Evict();
        notices.ShouldBeEmpty();
        machine.Model.Reset();
        machine.Model.Restore(machine.Model.Save());
        notices.ShouldBe([s_everything, s_everything]);
    }

    /// <summary>TLBIVA in two halves acts, and tells, with the lower one, which has no ASID.</summary>
    [Fact]
    public void Halves_are_told_once()
    {
        using var machine = Machine();
        var notices = Listen(machine);
        machine.SetBank32(First, Smmu2Bank.DropVa, unchecked((uint)Page));
        notices.ShouldBe([s_pages with { Space = 0 }]);
        machine.SetBank32(First, Smmu2Bank.DropVa + 4, (uint)(Page >> 32) | (7u << 16));
        notices.Count.ShouldBe(1);
    }

    /// <summary>Otherwise what was told of could be asked for again until the sync, and would stay.</summary>
    [Fact]
    public void While_somebody_listens_nothing_is_posted()
    {
        using var machine = Machine();
        ulong root = machine.NewTable();
        ulong leaf = machine.Map(root, Va, 0x40_0000 | Smmu2Machine.Leaf);
        machine.SetFirst(First, root, asid: 7);
        machine.Read(Va).ShouldBe(0x40_0000ul);
        machine.Store(leaf, 0x50_0000 | Smmu2Machine.Leaf);
        machine.SetBank(First, Smmu2Bank.DropVa, Page | (7ul << Smmu2Bank.AsidShift));
        machine.Read(Va).ShouldBe(0x40_0000ul, "posted");
        var state = machine.Model.Save();
        var seen = new List<ulong?>();
        machine.Model.Invalidated = _ => seen.Add(machine.Read(Va));
        machine.Model.PostedCount.ShouldBe(0);
        machine.Read(Va).ShouldBe(0x50_0000ul);
        machine.Store(leaf, 0x60_0000 | Smmu2Machine.Leaf);
        machine.SetBank(First, Smmu2Bank.DropVa, Page | (7ul << Smmu2Bank.AsidShift));
        seen.ShouldBe([0x60_0000ul]);
        machine.Model.Restore(state);
        machine.Model.PostedCount.ShouldBe(0);
        seen.ShouldBe([0x60_0000ul, 0x60_0000ul]);
    }

    [Fact]
    public void While_a_listener_runs_others_translate_and_use_registers()
    {
        using var machine = Machine();
        int told = 0;
        machine.Model.Invalidated = _ =>
        {
            told++;
            Background.Run(() => (machine.Read(Va), machine.Bank(First, Smmu2Bank.SyncStatus)).ShouldBe((null, 0u))).ShouldEnd();
        };
        machine.SetBank(First, Smmu2Bank.DropAll, 0).SetBank32(First, Smmu2Bank.SystemControl, Smmu2Machine.On);
        told.ShouldBe(2);
    }

    /// <summary>A block of stage 1 of which stage 2 makes pieces: one address of it means them all.</summary>
    [Fact]
    public void A_page_in_pieces_is_told_whole()
    {
        using var machine = new Smmu2Machine();
        ulong second = machine.NewTable(2);
        for (ulong at = 0; at < 16 << 20; at += 0x1000)
        {
            machine.Map(second, at, at | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        }

        ulong root = machine.NewTable();
        machine.Map(root, 0x4000_0000, 0x20_0000 | (Smmu2Machine.Leaf & ~2ul), leafLevel: 2);
        machine.SetSecond(Second, second, vmid: 5)
            .SetFirst(First, root, attributes: Smmu2BankAttributes.Nested(Second))
            .SetStream(0, Smmu2Machine.Device, Smmu2StreamContext.Translate(First))
            .SwitchOn();
        var kept = machine.Ask(0x4000_5000).Range;
        kept.Length.ShouldBe(0x1000ul);
        machine.Model.Evict();
        var notices = Listen(machine);
        machine.SetBank(First, Smmu2Bank.DropVa, (0x4000_0000ul >> 12) | (1ul << Smmu2Bank.AsidShift));
        notices.Single().Concerns(Smmu2Machine.Device, -1, kept).ShouldBeTrue();
        (notices[0].First, notices[0].Last).ShouldBe((0x4000_0000ul, 0x401f_fffful));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_allocated(bool isListening)
    {
        using var machine = Machine();
        ulong sum = 0;
        machine.Model.Invalidated = isListening ? notice => sum += notice.Last - notice.First : null;
        Allocated.By(() =>
        {
            for (int i = 0; i < 64; i++)
            {
                machine.SetBank(First, Smmu2Bank.DropVa, Page).SetBank32(First, Smmu2Bank.Sync, 0).Bank(First, Smmu2Bank.SyncStatus);
            }
        }).ShouldBe(0);
        (sum != 0).ShouldBe(isListening);
    }

    private static Smmu2Machine Machine()
    {
        var machine = new Smmu2Machine();
        ulong second = machine.NewTable(2);
        return machine.SetFirst(First, machine.NewTable(), asid: 7)
            .SetSecond(Second, second, vmid: 5)
            .SetStream(0, Smmu2Machine.Device, Smmu2StreamContext.Translate(First))
            .SwitchOn();
    }

    private static List<InvalidationNotice> Listen(Smmu2Machine machine)
    {
        var notices = new List<InvalidationNotice>();
        machine.Model.Invalidated = notices.Add;
        return notices;
    }
}
