using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Each cache holds what it read until the command comes that names it, and no other command ends that.</summary>
public sealed class Smmu3CacheTests
{
    private const ulong Leaf = Smmu3Machine.ValidLeaf;
    private const ulong Old = 0x7000_0000;
    private const ulong New = 0x7100_0000;

    public static TheoryData<string, bool> CommandsOfStage1 => new()
    {
        { "va", true }, { "va leaf", true }, { "va range", true }, { "va range level 3", true }, { "vaa", true }, { "asid", true }, { "all", true },
        { "nsnh", true }, { "s12", true }, { "va other asid", false }, { "va other vmid", false }, { "va other page", false },
        { "va range of level 2", false }, { "va range of 16K", false }, { "other asid", false }, { "other vmid", false },
        { "ipa", false }, { "el2", false },
        { "ste", false }, { "cd", false }, { "ats", false },
    };

    [Theory]
    [MemberData(nameof(CommandsOfStage1))]
    public void A_page_of_stage_1_stays_until_it_is_named(string name, bool isDropped)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root, asid: 3, vmid: 4).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, New | Leaf);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Invalidate(Command(name));
        machine.Read(0x5000).ShouldBe(isDropped ? New : Old);
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));
        machine.Read(0x5000).ShouldBe(New);
    }

    private static Smmu3Command Command(string name) => name switch
    {
        "va" => Va(),
        "va leaf" => Va(leaf: true),
        "va range" => Va(0x4000, granule: 1, number: 3),
        "va range level 3" => Va(0x4000, granule: 1, number: 3, level: 3, leaf: true),
        "vaa" => Va(asid: 9, code: Smmu3CommandCode.DropVaAllAsids),
        "asid" => Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 4, 3),
        "all" => Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 4),
        "nsnh" => Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests),
        "s12" => Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 4),
        "va other asid" => Va(asid: 2),
        "va other vmid" => Va(vmid: 5),
        "va other page" => Va(0x6000),
        "va range of level 2" => Va(0x4000, granule: 1, number: 3, level: 2),
        "va range of 16K" => Va(0x4000, granule: 2, number: 3),
        "other asid" => Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 4, 2),
        "other vmid" => Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 5),
        "ipa" => Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x5000, 4),
        "el2" => Smmu3Command.Drop(Smmu3CommandCode.DropHypervisor),
        "ste" => Smmu3Command.DropStreams(0, 31),
        "cd" => Smmu3Command.DropContexts(8),
        _ => Smmu3Command.DropDeviceTlb(8, 0, 52),
    };

    private static Smmu3Command Va(
        ulong address = 0x5000, ushort vmid = 4, ushort asid = 3, bool leaf = false, int granule = 0, int number = 0, int level = 0,
        Smmu3CommandCode code = Smmu3CommandCode.DropVa) =>
        Smmu3Command.DropAddress(code, address, vmid, asid, leaf, granule, number, 0, level);

    /// <summary>A pointer to a table goes with Leaf = 0 alone; TTL of a higher level spares it.</summary>
    [Theory]
    [InlineData(true, 0, 0, false)]
    [InlineData(false, 0, 0, true)]
    [InlineData(false, 1, 3, true)]
    [InlineData(false, 1, 2, false)]
    [InlineData(true, 1, 3, false)]
    public void A_pointer_to_a_table_stays_with_the_leaf_hint(bool leaf, int granule, int level, bool isDropped)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, Old | Leaf);
        ulong other = machine.NewTable();
        machine.Store(other + (5 * 8), New | Leaf).Store(other + (6 * 8), New | Leaf);
        machine.BindFirst(root).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        ulong pointer = machine.Load(machine.Load(machine.Load(root) & ~0xffful) & ~0xffful) & ~0xffful;
        ulong level2 = machine.Load(machine.Load(root) & ~0xffful) & ~0xffful;
        machine.Store(level2, other | 3);
        pointer.ShouldNotBe(other);
        machine.Invalidate(Smmu3Command.DropAddress(
            Smmu3CommandCode.DropVa, 0x5000, asid: 1, leaf: leaf, granule: granule, number: granule == 0 ? 0 : 1, level: level));

        // With the leaf gone, what the walk reads is what the cached pointer, or the new one, leads to.
        bool leafGone = granule == 0 || level == 3;
        machine.Read(0x5000).ShouldBe(leafGone && isDropped ? New : Old);
        machine.Read(0x6000).ShouldBe(isDropped ? New : null);
    }

    [Fact]
    public void A_global_page_is_everybodys_and_goes_by_address_only()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | (Leaf & ~(1ul << 11)));
        machine.BindFirst(root, asid: 1).BindFirst(root, asid: 2, stream: 9).BindFirst(root, asid: 1, stream: 10, vmid: 1).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, New | Leaf);
        machine.Read(0x5000, stream: 9).ShouldBe(Old);
        machine.Read(0x5000, stream: 10).ShouldBe(New);
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 0, 1), Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 0, 2));
        machine.Read(0x5000).ShouldBe(Old);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x5000, asid: 77));
        machine.Read(0x5000).ShouldBe(New);
    }

    [Theory]
    [InlineData(2, 21)]
    [InlineData(1, 30)]
    public void A_block_goes_by_any_address_in_it(int level, int shift)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0, 0x4000_0000 | (Leaf & ~2ul), leafLevel: level);
        machine.BindFirst(root).SwitchOn();
        machine.Read(0x12_3456).ShouldBe(0x4012_3456ul);
        machine.Ask(0x1000).Range.Length.ShouldBe(1ul << shift);
        machine.Store(at, 0);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 1ul << shift, asid: 1));
        machine.Read(0x12_3456).ShouldBe(0x4012_3456ul);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1f_f000, asid: 1));
        machine.Read(0x12_3456).ShouldBeNull();
    }

    /// <summary>A range covers (NUM + 1) × 2^SCALE granules, and not one more.</summary>
    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(4, 0, 5)]
    [InlineData(2, 3, 24)]
    [InlineData(31, 4, 512)]
    public void A_range_ends_where_it_ends(int number, int scale, int pages)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong[] tested = [0, 1, (ulong)pages - 1, (ulong)pages];
        foreach (ulong page in tested)
        {
            machine.Map(root, page << 12, (Old + (page << 12)) | Leaf);
        }

        machine.BindFirst(root).SwitchOn();
        foreach (ulong page in tested)
        {
            machine.Read(page << 12).ShouldBe(Old + (page << 12));
            machine.Map(root, page << 12, 0);
        }

        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0, asid: 1, granule: 1, number: number, scale: scale));
        foreach (ulong page in tested)
        {
            machine.Read(page << 12).ShouldBe(page < (ulong)pages ? null : Old + (page << 12), $"page {page}");
        }
    }

    [Fact]
    public void Stage_2_alone_goes_by_IPA()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | 0xfc | 3 | (1 << 10), startLevel: 1, inputBits: 40);
        machine.BindSecond(root, vmid: 7).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, 0);
        machine.Invalidate(
            Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x5000, 6),
            Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x6000, 7),
            Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 7),
            Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 6));
        machine.Read(0x5000).ShouldBe(Old);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x5000, 7));
        machine.Read(0x5000).ShouldBeNull();
    }

    /// <summary>CMD_TLBI_S2_IPA leaves translations of both stages: an invalidation of stage 1 has to follow, and alone it is not enough.</summary>
    [Fact]
    public void A_change_of_stage_2_under_stage_1_needs_both_invalidations()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        machine.Map(first, 0x5000, 0x40_0000 | Leaf);
        machine.BindNested(first, second, vmid: 2).SwitchOn();
        machine.Read(0x5000).ShouldBe(0x40_0000ul);
        machine.Map(second, 0x40_0000, Old | 0xfc | 3 | (1 << 10), startLevel: 1, inputBits: 40);
        var ipa = Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x40_0000, 2);
        var all = Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 2);
        machine.Invalidate(ipa).Read(0x5000).ShouldBe(0x40_0000ul);
        machine.Invalidate(all).Read(0x5000).ShouldBe(Old);

        // The other way round: stage 1 is walked again, and stage 2's entry is still there.
        machine.Map(second, 0x40_0000, New | 0xfc | 3 | (1 << 10), startLevel: 1, inputBits: 40);
        machine.Invalidate(all).Read(0x5000).ShouldBe(Old);
        machine.Invalidate(ipa, all).Read(0x5000).ShouldBe(New);
    }

    /// <summary>A 2 MiB page of stage 1 on 4 KiB pages of stage 2 is cached in pieces, which all go by one address of it.</summary>
    [Fact]
    public void All_pieces_of_a_page_go_by_any_address_in_it()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        ulong at = machine.Map(first, 0, 0x20_0000 | (Leaf & ~2ul), leafLevel: 2);
        machine.BindNested(first, second).SwitchOn();
        machine.Read(0x1000).ShouldBe(0x20_1000ul);
        machine.Read(0x9000).ShouldBe(0x20_9000ul);
        machine.Ask(0x9000).Range.Length.ShouldBe(0x1000ul);
        machine.Store(at, 0);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x20_0000, 1, 1));
        machine.Read(0x9000).ShouldBe(0x20_9000ul);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x5000, 1, 1, leaf: true, granule: 1, number: 0, level: 2));
        machine.Read(0x1000).ShouldBeNull();
        machine.Read(0x9000).ShouldBeNull();
    }

    [Fact]
    public void EL2_has_its_own_commands()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root, asid: 3).SwitchOn();
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, 2ul << 30);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, 0);
        machine.Invalidate(
            Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests), Smmu3Command.DropAddress(Smmu3CommandCode.DropVaAllAsids, 0x5000),
            Smmu3Command.Drop(Smmu3CommandCode.DropVmid));
        machine.Read(0x5000).ShouldBe(Old);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropHypervisorVa, 0x5000, asid: 99));
        machine.Read(0x5000).ShouldBeNull();
    }

    [Fact]
    public void VMIDs_may_be_invalidated_by_groups()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root, vmid: 6).SwitchOn(control: 2 << Smmu3Register.Control.VmidWildcardShift);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, 0);
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 8)).Read(0x5000).ShouldBe(Old);
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 5)).Read(0x5000).ShouldBeNull();
    }

    /// <summary>Up to four bits may be left out; what CR0.VMW says beyond is reserved, and leaves out none.</summary>
    [Theory]
    [InlineData(4u, true)]
    [InlineData(5u, false)]
    [InlineData(6u, false)]
    [InlineData(7u, false)]
    public void A_reserved_group_of_VMIDs_is_one_VMID(uint wildcard, bool isDropped)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root, vmid: 6).SwitchOn(control: wildcard << Smmu3Register.Control.VmidWildcardShift);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, 0);
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropGuest, 9)).Read(0x5000).ShouldBe(isDropped ? null : Old);
    }

    public static TheoryData<string, bool> CommandsOfConfiguration => new()
    {
        { "ste", true }, { "ste leaf", true }, { "ste other", false }, { "range 0 of it", true }, { "range 0 of another", false },
        { "range 2", true },
        { "all", true }, { "cd", false }, { "cds", false }, { "tlb", false },
    };

    /// <summary>CFGI_STE_RANGE means 2^(Range + 1) streams, 31 all of them (Renode: 4 and 2). An invalidation takes effect with the next
    /// transaction.</summary>
    [Theory]
    [MemberData(nameof(CommandsOfConfiguration))]
    public void A_stream_stays_until_it_is_named(string name, bool isDropped)
    {
        using var machine = new Smmu3Machine();
        machine.SetStream(9, 1 | (4 << 1)).SwitchOn();
        machine.Read(0x5000, stream: 9).ShouldBe(0x5000ul);
        machine.SetStream(9, 1);
        machine.Read(0x5000, stream: 9).ShouldBe(0x5000ul);
        machine.Invalidate(name switch
        {
            "ste" => Smmu3Command.DropStream(9, leaf: false),
            "ste leaf" => Smmu3Command.DropStream(9),
            "ste other" => Smmu3Command.DropStream(8),
            "range 0 of it" => Smmu3Command.DropStreams(8, 0),
            "range 0 of another" => Smmu3Command.DropStreams(10, 0),
            "range 2" => Smmu3Command.DropStreams(12, 2),
            "all" => Smmu3Command.DropStreams(0, 31),
            "cd" => Smmu3Command.DropContext(9, 0, leaf: false),
            "cds" => Smmu3Command.DropContexts(9),
            _ => Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests),
        });
        machine.Read(0x5000, stream: 9).ShouldBe(isDropped ? null : 0x5000ul);
    }

    [Fact]
    public void An_invalid_stream_may_be_cached_too()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        machine.Fault(0x5000, stream: 9).Type.ShouldBe(Smmu3EventType.BadStream);
        machine.SetStream(9, 1 | (4 << 1));
        machine.Fault(0x5000, stream: 9).Type.ShouldBe(Smmu3EventType.BadStream);
        machine.Invalidate(Smmu3Command.DropStream(9)).Read(0x5000, stream: 9).ShouldBe(0x5000ul);
        using var other = new Smmu3Machine(options: new Smmu3ModelOptions { CachesInvalidConfiguration = false });
        other.SwitchOn();
        other.Fault(0x5000, stream: 9).Type.ShouldBe(Smmu3EventType.BadStream);
        other.SetStream(9, 1 | (4 << 1)).Read(0x5000, stream: 9).ShouldBe(0x5000ul);
    }

    [Theory]
    [InlineData("cd", true)]
    [InlineData("cd leaf", true)]
    [InlineData("cds", true)]
    [InlineData("ste leaf", true)]
    [InlineData("ste range", true)]
    [InlineData("cd other", false)]
    [InlineData("cds other", false)]
    [InlineData("tlb", false)]
    public void A_context_stays_until_it_is_named(string name, bool isDropped)
    {
        using var machine = new Smmu3Machine();
        ulong one = machine.NewTable();
        ulong two = machine.NewTable();
        machine.Map(one, 0x5000, Old | Leaf);
        machine.Map(two, 0x5000, New | Leaf);
        machine.BindFirst(one, asid: 1).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(Smmu3Machine.Contexts + (8 * 64), Smmu3Machine.First(2), two);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Invalidate(name switch
        {
            "cd" => Smmu3Command.DropContext(8, 0, leaf: false),
            "cd leaf" => Smmu3Command.DropContext(8, 0),
            "cds" => Smmu3Command.DropContexts(8),
            "ste leaf" => Smmu3Command.DropStream(8),
            "ste range" => Smmu3Command.DropStreams(0, 5),
            "cd other" => Smmu3Command.DropContext(8, 1, leaf: false),
            "cds other" => Smmu3Command.DropContexts(9),
            _ => Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 0, 1),
        });
        machine.Read(0x5000).ShouldBe(isDropped ? New : Old);
    }

    /// <summary>Tables of streams and of contexts go without the leaf hint alone.</summary>
    [Fact]
    public void Pointers_to_tables_of_configuration_are_cached()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        machine.Model.Write32(Smmu3Register.Control0, 0);
        ulong level1 = machine.NewTable();
        ulong other = machine.NewTable();
        machine.Store(level1, Smmu3Machine.StreamTable | 7).SetStream(3, 1 | (4 << 1));
        machine.Model.Write64(Smmu3Register.StreamTable, level1);
        machine.Model.Write32(Smmu3Register.StreamTableConfig, 10 | (6 << 6) | (1 << 16));
        machine.Model.Write32(Smmu3Register.Control0, 0xd);
        machine.Read(0x1000, stream: 3).ShouldBe(0x1000ul);
        machine.Store(level1, other | 7).Store(other + (3 * 64), 1);
        machine.Invalidate(Smmu3Command.DropStream(3)).Read(0x1000, stream: 3).ShouldBe(0x1000ul);
        machine.Invalidate(Smmu3Command.DropStream(3, leaf: false)).Read(0x1000, stream: 3).ShouldBeNull();

        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, Old | Leaf);
        ulong upper = machine.NewTable();
        ulong table = machine.NewTable();
        ulong newTable = machine.NewTable();
        machine.Store(upper, table | 1).Store(table + 64, Smmu3Machine.First(1), root).Store(newTable + 64, 0);
        machine.Store(other + (4 * 64), upper | (5 << 1) | 1 | (1 << 4) | (6ul << 59));
        machine.Read(0x5000, 4, 1).ShouldBe(Old);
        machine.Store(upper, newTable | 1);
        machine.Invalidate(Smmu3Command.DropContext(4, 1)).Read(0x5000, 4, 1).ShouldBe(Old);
        machine.Invalidate(Smmu3Command.DropContext(4, 1, leaf: false)).Read(0x5000, 4, 1).ShouldBeNull();
    }

    /// <summary>Tegra264 has to be told twice, with a CMD_SYNC each time (which Invalidate adds), whatever comes in between.</summary>
    [Fact]
    public void With_the_erratum_an_invalidation_takes_two()
    {
        using var machine = new Smmu3Machine(options: new Smmu3ModelOptions { NeedsInvalidationsTwice = true });
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, 0);
        var drop = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x5000, asid: 1);
        var other = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x9000, asid: 1);
        machine.Submit(drop, drop);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Invalidate().Invalidate(other).Read(0x5000).ShouldBe(Old);
        machine.Invalidate(other, drop).Read(0x5000).ShouldBeNull();
        var stream = Smmu3Command.DropStream(8);
        machine.SetStream(8, 1 | (4 << 1)).Invalidate(stream, drop).Read(0x5000).ShouldBeNull();
        machine.Invalidate(stream).Read(0x5000).ShouldBe(0x5000ul);
    }

    [Fact]
    public void With_the_erratum_what_was_issued_once_is_in_the_state()
    {
        var options = new Smmu3ModelOptions { NeedsInvalidationsTwice = true };
        using var machine = new Smmu3Machine(options: options);
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, 0);
        var before = machine.Model.Save();
        var drop = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x5000, asid: 1);
        var other = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x9000, asid: 1);
        machine.Invalidate(drop);
        machine.Submit(other);
        var after = machine.Model.Save();
        machine.Model.Restore(after);
        machine.Model.Save().ShouldBe(after);
        machine.Invalidate(drop).Read(0x5000).ShouldBeNull();
        machine.Model.Restore(before);
        machine.Read(0x5000).ShouldBe(Old);
    }

    /// <summary>Disabled and enabled again, the SMMU still holds what it held; Renode loses, and then keeps, its windows.</summary>
    [Fact]
    public void SMMUEN_does_not_invalidate()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, Old | Leaf);
        machine.BindFirst(root).SwitchOn();
        machine.Read(0x5000).ShouldBe(Old);
        machine.Store(at, New | Leaf);
        machine.Model.Write32(Smmu3Register.Control0, 0xc);
        machine.Read(0x5000).ShouldBe(0x5000ul);
        machine.Model.Write32(Smmu3Register.Control0, 0xd);
        machine.Read(0x5000).ShouldBe(Old);
        machine.Model.Evict();
        machine.Read(0x5000).ShouldBe(New);
    }

    /// <summary>A transfer is translated page by page: one over the end of a page goes where that page is, or stops there (Renode checks its
    /// start).</summary>
    [Fact]
    public void A_transfer_is_split_where_the_translation_changes()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x5000, Old | Leaf);
        machine.Map(root, 0x6000, New | Leaf);
        machine.Map(root, 0x7000, Old | Leaf | (1 << 7));
        machine.BindFirst(root).SwitchOn();
        var device = new DmaDevice<DeviceMemory>(machine.Model, machine.Memory.DeviceView, 8, 8);
        byte[] data = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        device.Write(0x5fe0, data).ShouldBe(new DmaResult(IsComplete: true, 64));
        machine.Memory.CpuView.Span(Old + 0xfe0, 32).ToArray().ShouldBe(data[..32]);
        machine.Memory.CpuView.Span(New, 32).ToArray().ShouldBe(data[32..]);
        device.Write(0x6fe0, data).ShouldBe(new DmaResult(IsComplete: false, 32));
        machine.TakeEvent()!.Value.Type.ShouldBe(Smmu3EventType.Permission);
    }

    /// <summary>A cache that is full makes way entry by entry (QEMU drops all 256), and misses nothing.</summary>
    [Fact]
    public void A_full_cache_makes_way_one_by_one()
    {
        using var machine = new Smmu3Machine(options: new Smmu3ModelOptions { Iotlb = new(4, 2) });
        ulong root = machine.NewTable();
        for (ulong page = 0; page < 16; page++)
        {
            machine.Map(root, page << 12, (Old + (page << 12)) | Leaf);
        }

        machine.BindFirst(root).SwitchOn();
        for (ulong page = 0; page < 16; page++)
        {
            machine.Read(page << 12).ShouldBe(Old + (page << 12));
        }

        // The last two of each set are there, and the others are not.
        long misses = machine.Model.Statistics.IotlbMisses;
        for (ulong page = 8; page < 16; page++)
        {
            machine.Read(page << 12).ShouldBe(Old + (page << 12));
        }

        machine.Model.Statistics.IotlbMisses.ShouldBe(misses);
        machine.Read(0).ShouldBe(Old);
        machine.Model.Statistics.IotlbMisses.ShouldBe(misses + 1);
    }

    [Fact]
    public void Nothing_is_allocated_on_hits_misses_and_invalidations()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        machine.Map(first, 0x5000, 0x40_0000 | Leaf);
        machine.BindNested(first, second).BindFirst(first, stream: 9).SwitchOn();
        machine.Read(0x5000).ShouldBe(0x40_0000ul);
        machine.Read(0x5000, stream: 9).ShouldBe(0x40_0000ul);
        var request = new Smmu3Request(8, 0x5000, Smmu3Access.Read);
        var drop = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x5000, 1, 1);
        for (int i = 0; i < 32; i += 2)
        {
            machine.Store(Smmu3Machine.CommandQueue + ((ulong)i * 16), drop.Lower, drop.Upper);
            machine.Store(Smmu3Machine.CommandQueue + ((ulong)i * 16) + 16, Smmu3Command.Sync().Lower, 0);
        }

        uint producer = 0;

        // Telling of an interrupt may allocate.
        machine.Model.Write32(Smmu3Register.InterruptControl, 0);
        Allocated.By(() => machine.Model.Translate(request)).ShouldBe(0, "hit");
        Allocated.By(() =>
        {
            machine.Model.Evict();
            machine.Model.Translate(request);
        }).ShouldBe(0, "miss");
        Allocated.By(() => machine.Model.Translate(request with { Address = 0x9000 })).ShouldBe(0, "fault");
        Allocated.By(() => machine.Model.Write32(Smmu3Register.EventConsumer, machine.Model.Read32(Smmu3Register.EventProducer))).ShouldBe(0, "regs");
        Allocated.By(() =>
        {
            machine.Model.Translate(request);
            machine.Model.Translate(request with { StreamId = 9 });
            producer = (producer + 2) & 0x3f;
            machine.Model.Write32(Smmu3Register.CommandProducer, producer);
            machine.Model.Translate(request);
            machine.Model.Translate(request with { Address = 0x9000 });
            machine.Model.Write32(Smmu3Register.EventConsumer, machine.Model.Read32(Smmu3Register.EventProducer));
        }).ShouldBe(0);
        machine.Model.Statistics.Commands.ShouldBeGreaterThan(3);
    }
}
