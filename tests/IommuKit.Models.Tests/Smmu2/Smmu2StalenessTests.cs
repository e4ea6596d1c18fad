using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>What the caches hold, and which invalidation drops it.</summary>
public sealed class Smmu2StalenessTests
{
    private const ulong Page = 0x7000_0000;
    private const ulong Other = 0x7100_0000;
    private const int Bank = 5;

    [Fact]
    public void A_translation_stays_until_it_is_invalidated_and_that_is_synced()
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, 0);
        machine.Read(0x5000).ShouldBe(Page);
        machine.SetBank(Bank, Smmu2Bank.DropVaLeaf, Va(0x5000));
        machine.Read(0x5000).ShouldBe(Page, "an invalidation may take until its sync");
        machine.Model.PostedCount.ShouldBe(1);
        machine.Sync(Bank);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void What_is_not_present_is_not_remembered()
    {
        using var machine = One(out _, out ulong root);
        machine.Read(0x6000).ShouldBeNull();
        machine.Map(root, 0x6000, Other | Smmu2Machine.Leaf);
        machine.Read(0x6000).ShouldBe(Other);
    }

    [Fact]
    public void A_sync_is_for_its_own_bank_and_a_global_one_for_all()
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, 0);
        machine.SetBank(Bank, Smmu2Bank.DropVa, Va(0x5000));
        machine.Sync(Bank + 1);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Model.Write32(Smmu2Global.Sync, 0);
        machine.Model.Read32(Smmu2Global.SyncStatus).ShouldBe(0u);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void A_sync_is_for_what_was_issued_before_it()
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, 0);
        machine.SetBank32(Bank, Smmu2Bank.Sync, 0).SetBank(Bank, Smmu2Bank.DropVa, Va(0x5000));
        machine.Bank(Bank, Smmu2Bank.SyncStatus).ShouldBe(0u);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Sync(Bank);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void A_sync_can_take_several_looks()
    {
        using var machine = One(out ulong leaf, out _, new Smmu2ModelOptions { SyncReads = 2 });
        machine.Store(leaf, 0);
        machine.SetBank(Bank, Smmu2Bank.DropVa, Va(0x5000)).SetBank32(Bank, Smmu2Bank.Sync, 0);
        uint[] looks = [.. Enumerable.Range(0, 3).Select(_ => machine.Bank(Bank, Smmu2Bank.SyncStatus))];
        looks.ShouldBe([1u, 1, 0]);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void More_invalidations_than_can_wait_take_effect_in_their_order()
    {
        using var machine = One(out ulong leaf, out _, new Smmu2ModelOptions { PostedInvalidations = 2 });
        machine.Store(leaf, 0);
        machine.SetBank(Bank, Smmu2Bank.DropVa, Va(0x5000)).SetBank(Bank, Smmu2Bank.DropVa, Va(0x8000)).Read(0x5000).ShouldBe(Page);
        machine.SetBank(Bank, Smmu2Bank.DropVa, Va(0x9000)).Read(0x5000).ShouldBeNull();
        machine.Model.PostedCount.ShouldBe(2);

        using var immediate = One(out leaf, out _, new Smmu2ModelOptions { PostedInvalidations = 0 });
        immediate.Store(leaf, 0);
        immediate.SetBank(Bank, Smmu2Bank.DropVa, Va(0x5000)).Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void An_invalidation_of_a_leaf_leaves_pointers_to_tables()
    {
        using var machine = One(out ulong leaf, out ulong root);
        ulong table = leaf & ~0xffful;
        ulong other = machine.NewTable();
        machine.Store(other + (5 * 8), Other | Smmu2Machine.Leaf);
        ulong pointer = machine.Map(root, 0x5000, other | 3, leafLevel: 2);
        machine.Load(pointer).ShouldBe(other | 3);
        table.ShouldNotBe(other);
        machine.Invalidate(Bank, Smmu2Bank.DropVaLeaf, Va(0x5000));
        machine.Read(0x5000).ShouldBe(Page, "the walk goes by the pointer that is cached");
        machine.Invalidate(Bank, Smmu2Bank.DropVa, Va(0x5000));
        machine.Read(0x5000).ShouldBe(Other);
    }

    [Theory]
    [InlineData(Smmu2Bank.DropVa, 0x5000, 1, true)]
    [InlineData(Smmu2Bank.DropVa, 0x5000, 2, false)]
    [InlineData(Smmu2Bank.DropVa, 0x6000, 1, false)]
    [InlineData(Smmu2Bank.DropVaAllAsids, 0x5000, 7, true)]
    [InlineData(Smmu2Bank.DropVaAllAsidsLeaf, 0x5000, 7, true)]
    [InlineData(Smmu2Bank.DropAsid, 0, 1, true)]
    [InlineData(Smmu2Bank.DropAsid, 0, 2, false)]
    [InlineData(Smmu2Bank.DropAll, 0, 9, true)]
    [InlineData(Smmu2Bank.DropIpa, 0x5000, 1, false)]
    public void An_invalidation_drops_what_it_names(uint register, ulong address, ushort asid, bool isDropped)
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, Other | Smmu2Machine.Leaf);
        machine.Invalidate(Bank, register, register == Smmu2Bank.DropAsid ? asid : (address >> 12) | ((ulong)asid << 48));
        machine.Read(0x5000).ShouldBe(isDropped ? Other : Page);
    }

    /// <summary>
    /// Of an invalidation that comes in two halves the lower one acts, with zeros above it, and the upper one is ignored (IHI 0062).
    /// </summary>
    [Fact]
    public void The_lower_half_of_an_invalidation_acts_and_the_upper_does_not()
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, 0);
        machine.SetBank32(Bank, Smmu2Bank.DropVa + 4, 1u << 16);
        machine.Model.PostedCount.ShouldBe(0);
        machine.SetBank32(Bank, Smmu2Bank.DropVa, 5).Sync(Bank);
        machine.Read(0x5000).ShouldBe(Page, "of ASID 0");
        machine.SetBank32(Bank, Smmu2Bank.DropVaAllAsids, 5).Sync(Bank);
        machine.Read(0x5000).ShouldBeNull();
    }

    /// <summary>TLBIIPAS2 has the address from bit 12 on in bit 0 in AArch32 too; TLBIVMIDS1 drops what stage 1 had a part in, and no more.</summary>
    [Fact]
    public void Stage_2_of_AArch32_is_invalidated_like_that_of_AArch64()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong second = machine.NewTable(2);
        ulong leaf = machine.Map(second, 0x5000, Page | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        machine.SetSecond(1, second).SetRouting(Smmu2Routing.Attributes2, 1, 0).SetBank32(1, Smmu2Bank.TableControl, 0x8 | (1u << 6));
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(1));
        machine.Read(0x5000).ShouldBe(Page);
        machine.Store(leaf, 0);
        machine.Invalidate(1, Smmu2Bank.DropIpaLeaf, 0x5000);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Model.Write32(Smmu2Global.DropVmidFirst, 1);
        machine.Model.SettleInvalidations();
        machine.Read(0x5000).ShouldBe(Page, "stage 1 had no part in it");
        machine.Invalidate(1, Smmu2Bank.DropIpaLeaf, 5);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void What_stage_1_had_a_part_in_goes_by_VMID()
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, 0);
        machine.Model.Write32(Smmu2Global.DropVmidFirst, 1);
        machine.Model.SettleInvalidations();
        machine.Read(0x5000).ShouldBe(Page);
        machine.Model.Write32(Smmu2Global.DropVmidFirst, 0);
        machine.Model.Write32(Smmu2Global.Sync, 0);
        machine.Model.Read32(Smmu2Global.SyncStatus).ShouldBe(0u);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void What_is_global_is_of_every_ASID()
    {
        using var machine = new Smmu2Machine().SwitchOn();
        ulong root = machine.NewTable();
        ulong leaf = machine.Map(root, 0x5000, (Page | Smmu2Machine.Leaf) & ~(1ul << 11));
        machine.SetFirst(Bank, root, asid: 1).SetFirst(Bank + 1, machine.NewTable(), asid: 2);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(Bank)).SetStream(1, 9, Smmu2StreamContext.Translate(Bank + 1));
        machine.Read(0x5000).ShouldBe(Page);
        machine.Read(0x5000, stream: 9).ShouldBe(Page, "of the same VMID");
        machine.Store(leaf, 0);
        machine.Invalidate(Bank, Smmu2Bank.DropAsid, 1);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Invalidate(Bank, Smmu2Bank.DropVa, Va(0x5000, asid: 77));
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void Banks_with_one_VMID_and_ASID_share_what_is_cached_and_others_do_not()
    {
        using var machine = One(out _, out _);
        machine.SetFirst(6, machine.NewTable(), asid: 1).SetFirst(7, machine.NewTable(), asid: 2);
        machine.SetStream(1, 9, Smmu2StreamContext.Translate(6)).SetStream(2, 10, Smmu2StreamContext.Translate(7));
        machine.Read(0x5000, stream: 9).ShouldBe(Page);
        machine.Read(0x5000, stream: 10).ShouldBeNull();
        machine.SetRouting(Smmu2Routing.Attributes, 6, Smmu2BankAttributes.Stage1.Value | 3);
        machine.Read(0x5000, stream: 9).ShouldBeNull();
    }

    [Fact]
    public void Stage_2_is_invalidated_by_IPA_and_what_stage_1_made_of_it_by_stage_1_or_VMID()
    {
        using var machine = Nested(out ulong second, out _);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Store(second, Other | Smmu2Machine.SecondLeaf);
        machine.Invalidate(1, Smmu2Bank.DropIpaLeaf, 0x9000 >> 12);
        machine.Read(0x5000).ShouldBe(Page, "what both stages make of it is of stage 1");
        machine.Invalidate(Bank, Smmu2Bank.DropVaLeaf, Va(0x5000));
        machine.Read(0x5000).ShouldBe(Other);

        machine.Store(second, Page | Smmu2Machine.SecondLeaf);
        machine.Invalidate(Bank, Smmu2Bank.DropVaLeaf, Va(0x5000));
        machine.Read(0x5000).ShouldBe(Other, "stage 2 is cached by itself");
        machine.Model.Write32(Smmu2Global.DropVmid, 2);
        GlobalSync(machine);
        machine.Read(0x5000).ShouldBe(Other, "of another VMID");
        machine.Model.Write32(Smmu2Global.DropVmid, 1);
        GlobalSync(machine);
        machine.Read(0x5000).ShouldBe(Page);
    }

    [Fact]
    public void All_pieces_of_a_page_of_stage_1_go_together()
    {
        using var machine = Nested(out _, out ulong root);
        ulong block = BlockOf(machine, root);
        machine.Store(block, 0x20_0000 | (Smmu2Machine.Leaf & ~2ul));
        for (ulong page = 0; page < 3; page++)
        {
            machine.Map(SecondRoot(machine), 0x20_0000 + (page << 12), (Page + (page << 12)) | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
            machine.Read(0x20_0000 + (page << 12)).ShouldBe(Page + (page << 12));
        }

        machine.Store(block, 0);
        machine.Read(0x20_2000).ShouldBe(Page + 0x2000);
        machine.Invalidate(Bank, Smmu2Bank.DropVa, Va(0x20_1000));
        machine.Read(0x20_2000).ShouldBeNull();
    }

    [Fact]
    public void Everything_but_hypervisors_goes_by_one_command()
    {
        using var machine = One(out ulong leaf, out _);
        machine.Store(leaf, 0);
        machine.Model.Write32(Smmu2Global.DropHypervisor, 0);
        GlobalSync(machine);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Model.Write32(Smmu2Global.DropAllGuests, 0);
        GlobalSync(machine);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void Version_1_has_no_invalidation_of_leaves_or_by_IPA()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu400).SwitchOn();
        ulong root = machine.NewTable(2);
        ulong leaf = machine.Map(root, 0x5000, Page | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        machine.SetRouting(Smmu2Routing.Attributes, 0, Smmu2BankAttributes.Stage2(1).Value);

        // AArch32: T0SZ −8 is 40 bits, SL0 1 is level 1.
        machine.SetBank32(0, Smmu2Bank.TableControl, 8 | 0x10 | (1u << 6)).SetBank(0, Smmu2Bank.Table0, root);
        machine.SetBank32(0, Smmu2Bank.SystemControl, Smmu2Machine.On).SetStream(0, 8, Smmu2StreamContext.Translate(0));
        machine.Read(0x5000).ShouldBe(Page);
        machine.Store(leaf, 0);
        machine.SetBank32(0, Smmu2Bank.DropIpa, 0x5000);
        GlobalSync(machine);
        machine.Read(0x5000).ShouldBe(Page);
        machine.Model.Write32(Smmu2Global.DropVmid, 1);
        GlobalSync(machine);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void Short_tables_are_invalidated_by_32_bits()
    {
        using var machine = new Smmu2Machine(Smmu2Unit.Mmu400).SwitchOn();
        ulong directory = machine.NewTable(4);
        ulong table = machine.NewTable();
        machine.Store32(directory, (uint)table | 1);
        machine.Store32(table + 20, 0x7000_0000 | 0x832);
        machine.SetRouting(Smmu2Routing.Attributes, 2, Smmu2BankAttributes.Stage1.Value);
        machine.SetBank32(2, Smmu2Bank.Table0, (uint)directory).SetBank32(2, Smmu2Bank.ContextId, 3);
        machine.SetBank32(2, Smmu2Bank.SystemControl, Smmu2Machine.On | Smmu2Bank.Control.AccessFlag);
        machine.SetStream(0, 8, Smmu2StreamContext.Translate(2));
        machine.Read(0x5000).ShouldBe(Page);
        machine.Store32(table + 20, 0);
        machine.SetBank32(2, Smmu2Bank.DropVa, 0x5002);
        machine.Sync(2);
        machine.Read(0x5000).ShouldBe(Page, "of another ASID");
        machine.SetBank32(2, Smmu2Bank.DropVa, 0x5003);
        machine.Sync(2);
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void A_hit_allocates_nothing()
    {
        using var machine = One(out _, out _);
        var request = new Smmu2Request(8, 0x5000, Smmu2Access.Read);
        _ = machine.Model.Translate(request);
        long hits = machine.Model.Statistics.IotlbHits;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            _ = machine.Model.Translate(request);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        (machine.Model.Statistics.IotlbHits - hits).ShouldBe(1000);
    }

    private static Smmu2Machine One(out ulong leaf, out ulong root, Smmu2ModelOptions? options = null)
    {
        var machine = new Smmu2Machine(options: options).SwitchOn();
        root = machine.NewTable();
        leaf = machine.Map(root, 0x5000, Page | Smmu2Machine.Leaf);
        machine.SetFirst(Bank, root).SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
        machine.Read(0x5000).ShouldBe(Page);
        return machine;
    }

    /// <summary>0x5000 is 0x9000 in stage 1, and that is the page in stage 2, where tables are what they are.</summary>
    private static Smmu2Machine Nested(out ulong second, out ulong root)
    {
        var machine = new Smmu2Machine().SwitchOn();
        ulong secondRoot = machine.NewTable(2);
        root = machine.NewTable();
        machine.Map(root, 0x5000, 0x9000 | Smmu2Machine.Leaf);
        second = machine.Map(secondRoot, 0x9000, Page | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        machine.SetSecond(1, secondRoot).SetFirst(Bank, root, attributes: Smmu2BankAttributes.Nested(1));
        for (ulong table = 0x20_0000; table < 0x30_0000; table += 0x1000)
        {
            machine.Map(secondRoot, table + 0x100_0000, table | Smmu2Machine.SecondLeaf, startLevel: 1, inputBits: 40);
        }

        Relocate(machine, root, 0);
        machine.SetBank(Bank, Smmu2Bank.Table0, (root + 0x100_0000) | (1ul << 48));
        return machine.SetStream(0, 8, Smmu2StreamContext.Translate(Bank));
    }

    /// <summary>Gives pointers to tables of stage 1 the addresses by which stage 2 knows them.</summary>
    private static void Relocate(Smmu2Machine machine, ulong table, int level)
    {
        for (ulong at = table; level < 3 && at < table + 0x1000; at += 8)
        {
            ulong value = machine.Load(at);
            if ((value & 3) == 3)
            {
                Relocate(machine, value & ~0xffful, level + 1);
                machine.Store(at, value + 0x100_0000);
            }
        }
    }

    /// <summary>Where the entry of level 2 for 2 MiB is; the tables above are known to stage 2 by other addresses.</summary>
    private static ulong BlockOf(Smmu2Machine machine, ulong root)
    {
        ulong first = (machine.Load(root) & ~0xffful) - 0x100_0000;
        return (machine.Load(first) & ~0xffful) - 0x100_0000 + 8;
    }

    private static ulong SecondRoot(Smmu2Machine machine) => machine.Bank64(1, Smmu2Bank.Table0);

    private static void GlobalSync(Smmu2Machine machine)
    {
        machine.Model.Write32(Smmu2Global.Sync, 0);
        machine.Model.Read32(Smmu2Global.SyncStatus).ShouldBe(0u);
    }

    private static ulong Va(ulong address, ushort asid = 1) => (address >> 12) | ((ulong)asid << 48);
}
