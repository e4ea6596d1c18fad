using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Specs.Smmu3;
using static IommuKit.Tests.Drivers.Smmu3.Smmu3Rig;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>
/// Guests' stage 1 on top of domains. A guest's memory is 16 MiB from 0, which is at <see cref="Smmu3Rig.Data"/>: context descriptors from
/// <see cref="Contexts"/> on, tables of 39 bits from <see cref="Root"/> on.
/// </summary>
public sealed class Smmu3NestedTests
{
    private const ulong GuestBytes = 16 << 20;
    private const ulong Contexts = 0x1000;
    private const ulong Root = 0x2000;
    private const ulong OtherRoot = 0x8_0000;
    private const ushort Asid = 7;
    private const ulong Page = 0x3 | (1 << 6) | (1 << 10) | (1 << 11);

    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void What_the_host_takes_away_is_gone_for_the_guests_devices(SyncPolicy policy)
    {
        using var rig = Rig();
        var memory = Memory(rig, policy);
        var guest = rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts));
        Point(rig, 0x7000_5000, 0x80_0000);
        guest.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x7000_5123).ShouldBe(Data + 0x80_0123);
        rig.Reach(0x80_0000).ShouldBeNull("the guest has not mapped it");
        memory.Unmap(0x80_0000, 0x1000);
        memory.Flush();
        rig.Reach(0x7000_5000).ShouldBeNull();
        memory.Map(0x80_0000, Data + 0xf0_0000, 0x1000, ReadWrite);
        memory.Flush();
        rig.Reach(0x7000_5000).ShouldBe(Data + 0xf0_0000);
    }

    /// <summary>
    /// TLBI_S2_IPA leaves what was combined, and what is combined behind it but before its CMD_SYNC may be of the old stage 2: first stage 2, then stage
    /// 1, in one batch. Without guests, or where the VMID goes as a whole, there is nothing to add.
    /// </summary>
    [Fact]
    public void What_was_combined_goes_behind_stage_2()
    {
        using var rig = Rig();
        var memory = Memory(rig);
        var guest = rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts));
        guest.Attach(rig.Driver.Devices[0]);
        rig.Bus.Doorbells = 0;
        var commands = Commands(rig, () => memory.Unmap(0x80_0000, 0x3000));
        rig.Bus.Doorbells.ShouldBe(1);
        commands.Select(command => command.Code).ShouldBe([Smmu3CommandCode.DropIpa, Smmu3CommandCode.DropGuest, Smmu3CommandCode.Sync]);
        commands[1].Vmid.ShouldBe(commands[0].Vmid);
        commands[1].Vmid.ShouldNotBe((ushort)0);

        memory.Attach(rig.Driver.Devices[1]);
        guest.Detach(rig.Driver.Devices[0]);
        Commands(rig, () => memory.Unmap(0x81_0000, 0x3000)).Select(command => command.Code)
            .ShouldBe([Smmu3CommandCode.DropIpa, Smmu3CommandCode.Sync]);
    }

    /// <summary>The host takes away the page that a table of the guest is in.</summary>
    [Fact]
    public void What_of_the_guest_the_host_moved_is_read_where_it_is()
    {
        using var rig = Rig();
        var memory = Memory(rig);
        var guest = rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts));
        Point(rig, 0x5000, 0x80_0000);
        guest.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x5000).ShouldBe(Data + 0x80_0000);
        memory.Unmap(Root, 0x1000);
        rig.Reach(0x6000).ShouldBeNull();
        ulong moved = Data + GuestBytes;
        Point(rig, 0x5000, 0x90_0000, OtherRoot);
        Store(rig, GuestBytes, Load(rig, OtherRoot));
        memory.Map(Root, moved, 0x1000, ReadWrite);
        rig.Reach(0x5000).ShouldBe(Data + 0x90_0000);
    }

    [Fact]
    public void What_the_guest_changes_is_stale_until_it_says_so()
    {
        using var rig = Rig();
        var guest = rig.Driver.CreateNestedDomain(Memory(rig), new Smmu3GuestContexts(Contexts));
        ulong[] pages = [0x5000, 0x6000, 0x7000, 0x8000];
        Array.ForEach(pages, page => Point(rig, page, 0x80_0000 + page));
        guest.Attach(rig.Driver.Devices[0]);
        Array.ForEach(pages, page => rig.Reach(page).ShouldBe(Data + 0x80_0000 + page));
        Array.ForEach(pages, page => Point(rig, page, 0x90_0000 + page));

        guest.Invalidate(Asid + 1, 0x5000, 0x1000, changesTables: false);
        rig.Reach(0x5000).ShouldBe(Data + 0x80_5000, "the ASID is another");
        guest.Invalidate(Asid, 0x5000, 0x2000, changesTables: false);
        rig.Reach(0x5000).ShouldBe(Data + 0x90_5000);
        rig.Reach(0x6000).ShouldBe(Data + 0x90_6000);
        rig.Reach(0x7000).ShouldBe(Data + 0x80_7000, "it was not named");
        guest.InvalidateAsid(Asid);
        rig.Reach(0x7000).ShouldBe(Data + 0x90_7000);
        rig.Reach(0x8000).ShouldBe(Data + 0x90_8000);
        Point(rig, 0x8000, 0xa0_8000);
        rig.Reach(0x8000).ShouldBe(Data + 0x90_8000);
        guest.InvalidateAll();
        rig.Reach(0x8000).ShouldBe(Data + 0xa0_8000);

        // A range of very many pages goes as a whole.
        Commands(rig, () => guest.Invalidate(Asid, 0, 1ul << 38, changesTables: true)).Select(command => command.Code)
            .ShouldBe([Smmu3CommandCode.DropGuest, Smmu3CommandCode.Sync]);
    }

    [Fact]
    public void A_context_descriptor_of_the_guest_is_remembered_until_it_says_so()
    {
        using var rig = Rig();
        var guest = rig.Driver.CreateNestedDomain(Memory(rig), new Smmu3GuestContexts(Contexts, SubstreamBits: 2));
        Point(rig, 0x5000, 0x80_0000);
        Point(rig, 0x5000, 0x90_0000, OtherRoot);
        Context(rig, 1, Asid + 1, OtherRoot);
        guest.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x5000).ShouldBe(Data + 0x80_0000);
        rig.Reach(0x5000, substream: 1).ShouldBe(Data + 0x90_0000);
        Context(rig, 1, Asid, Root);
        rig.Reach(0x5000, substream: 1).ShouldBe(Data + 0x90_0000);
        guest.InvalidateContexts();
        rig.Reach(0x5000, substream: 1).ShouldBe(Data + 0x80_0000);
    }

    /// <summary>What was combined for a guest's device is not there any more when the next one comes, whatever changed meanwhile.</summary>
    [Fact]
    public void Nothing_combined_outlives_the_guests_last_device()
    {
        using var rig = Rig();
        var memory = Memory(rig);
        var guest = rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts));
        Point(rig, 0x5000, 0x80_0000);
        memory.Attach(rig.Driver.Devices[1]);
        guest.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x5000).ShouldBe(Data + 0x80_0000);
        guest.Detach(rig.Driver.Devices[0]);
        rig.Reach(0x5000).ShouldBeNull();
        memory.Unmap(0x80_0000, 0x1000);
        memory.Map(0x80_0000, Data + 0xf0_0000, 0x1000, ReadWrite);
        guest.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x5000).ShouldBe(Data + 0xf0_0000);
    }

    /// <summary>An unmap under way that has not seen the guest drops by IPA alone: before anything is combined, all that stage 2 holds goes.</summary>
    [Fact]
    public void A_guest_that_joins_is_combined_with_nothing_that_an_unmap_under_way_is_about_to_drop()
    {
        using var rig = Rig();
        var memory = Memory(rig);
        var guest = rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts));
        memory.Attach(rig.Driver.Devices[1]);
        Commands(rig, () => guest.Attach(rig.Driver.Devices[0])).Select(command => command.Code).ToArray()[..2]
            .ShouldBe([Smmu3CommandCode.DropVmid, Smmu3CommandCode.Sync]);

        // The next one finds that everybody knows.
        Commands(rig, () => guest.Attach(rig.Driver.Devices[2])).ShouldNotContain(command => command.Code == Smmu3CommandCode.DropVmid);
    }

    [Fact]
    public void Two_guests_are_kept_apart_by_their_VMIDs()
    {
        using var rig = Rig();
        var (one, two) = (Memory(rig), Memory(rig, at: Data + GuestBytes));
        var first = rig.Driver.CreateNestedDomain(one, new Smmu3GuestContexts(Contexts));
        var second = rig.Driver.CreateNestedDomain(two, new Smmu3GuestContexts(Contexts));
        Point(rig, 0x5000, 0x80_0000);
        rig.Memory.CpuView.Span(Data, (int)GuestBytes).CopyTo(rig.Memory.CpuView.Span(Data + GuestBytes, (int)GuestBytes));
        first.Attach(rig.Driver.Devices[0]);
        second.Attach(rig.Driver.Devices[1]);
        rig.Reach(0x5000, device: 0).ShouldBe(Data + 0x80_0000);
        rig.Reach(0x5000, device: 1).ShouldBe(Data + GuestBytes + 0x80_0000);
        one.Unmap(0x80_0000, 0x1000);
        rig.Reach(0x5000, device: 0).ShouldBeNull();
        rig.Reach(0x5000, device: 1).ShouldBe(Data + GuestBytes + 0x80_0000);
        second.Replace(rig.Driver.Devices[0]);
        rig.Reach(0x5000, device: 0).ShouldBe(Data + GuestBytes + 0x80_0000);
    }

    [Fact]
    public void A_fault_of_the_guest_is_told_to_its_domain_with_any_substream()
    {
        using var rig = Rig();
        var guest = rig.Driver.CreateNestedDomain(Memory(rig), new Smmu3GuestContexts(Contexts, SubstreamBits: 2));
        var seen = new List<ulong>();
        guest.FaultHandler = fault => seen.Add(fault.Iova);
        guest.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x4_5000).ShouldBeNull();
        Context(rig, 1, Asid, Root);
        rig.Reach(0x4_6000, substream: 1).ShouldBeNull();
        rig.Driver.HandleInterrupt();
        seen.ShouldBe([0x4_5000ul, 0x4_6000ul]);
    }

    [Fact]
    public void A_guests_domain_maps_nothing_and_goes_with_its_memory()
    {
        using var rig = Rig();
        var memory = Memory(rig);
        var guest = rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts));
        guest.TryMap(0x1000, Data, 0x1000, ReadWrite).ShouldBe(IommuError.ENODEV);
        guest.TryTranslate(0x1000, out _).ShouldBeFalse();
        Should.Throw<IommuException>(() => guest.Invalidate(Asid, 0x1800, 0x1000, changesTables: false)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => guest.Invalidate(Asid, ulong.MaxValue << 12, 0x2000, changesTables: false)).Error.ShouldBe(IommuError.EOVERFLOW);
        memory.Dispose();
        guest.IsDisposed.ShouldBeTrue();
    }

    [Fact]
    public void What_cannot_nest_is_refused()
    {
        using var first = new Smmu3Rig();
        Refuse(first, first.Driver.CreateDomain(), new Smmu3GuestContexts(Contexts), IommuError.ENODEV);
        using var alone = new Smmu3Rig(Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 & ~2u }, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2 });
        Refuse(alone, alone.Driver.CreateDomain(), new Smmu3GuestContexts(Contexts), IommuError.ENODEV);

        using var rig = Rig(Smmu3Unit.Emulated);
        var memory = rig.Driver.CreateDomain();
        Refuse(rig, memory, new Smmu3GuestContexts(Contexts + 32), IommuError.EINVAL);
        Refuse(rig, memory, new Smmu3GuestContexts(1ul << 50), IommuError.EINVAL);
        Refuse(rig, memory, new Smmu3GuestContexts(Contexts, SubstreamBits: 1), IommuError.EINVAL);
        Refuse(rig, memory, new Smmu3GuestContexts(Contexts, Format: 1), IommuError.EINVAL);
        Refuse(rig, memory, new Smmu3GuestContexts(Contexts, DefaultSubstream: 3), IommuError.EINVAL);
        using var other = Rig();
        Refuse(rig, other.Driver.CreateDomain(), new Smmu3GuestContexts(Contexts), IommuError.EINVAL);
    }

    [Fact]
    public void Unmaps_under_a_guest_allocate_nothing()
    {
        using var rig = Rig();
        var memory = Memory(rig);
        rig.Driver.CreateNestedDomain(memory, new Smmu3GuestContexts(Contexts)).Attach(rig.Driver.Devices[0]);
        Work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Work()
        {
            for (int i = 0; i < 200; i++)
            {
                memory.TryUnmap(0x80_0000, 0x2000, out _);
                memory.TryMap(0x80_0000, Data, 0x2000, ReadWrite);
            }
        }
    }

    private static Smmu3Rig Rig(Smmu3Unit? unit = null) =>
        new(unit, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2, GranuleLog2 = 12, CommandQueueLog2 = 12 });

    private static void Refuse(Smmu3Rig rig, PagingDomain memory, Smmu3GuestContexts contexts, IommuError error) =>
        Should.Throw<IommuException>(() => rig.Driver.CreateNestedDomain(memory, contexts)).Error.ShouldBe(error);

    /// <summary>A guest's memory, with the descriptor of its first address space.</summary>
    private static PagingDomain Memory(Smmu3Rig rig, SyncPolicy policy = SyncPolicy.Gather, ulong at = Data)
    {
        var memory = rig.Driver.CreateDomain(
            new DomainOptions { Policy = policy, PageSizes = 0x1000, DeferredAge = Timeout.InfiniteTimeSpan });
        memory.Map(0, at, GuestBytes, ReadWrite);
        memory.Flush();
        Context(rig, 0, Asid, Root);
        return memory;
    }

    /// <summary>A context descriptor of the guest: 39 bits by tables of 4 KiB.</summary>
    private static void Context(Smmu3Rig rig, int substream, ushort asid, ulong root)
    {
        ulong at = Contexts + ((ulong)substream * Smmu3ContextDescriptor.Bytes);
        Store(rig, at + 8, root);
        Store(rig, at + 24, 0xff);
        Store(rig, at, 25 | (1ul << 30) | Smmu3ContextDescriptor.Valid | (5ul << 32) | (1ul << 41) | (1ul << 45) | (1ul << 46) | ((ulong)asid << 48));
    }

    /// <summary>The guest maps a page: by a table of level 2 behind the root, and one of level 3 behind that for each 2 MiB of the first GiB.</summary>
    private static void Point(Smmu3Rig rig, ulong iova, ulong ipa, ulong root = Root)
    {
        ulong second = root + 0x1000 + ((iova >> 30) << 12);
        ulong third = root + 0x1_0000 + ((iova >> 21 & 7) << 12);
        Store(rig, root + ((iova >> 30) * 8), second | 3);
        Store(rig, second + ((iova >> 21 & 511) * 8), third | 3);
        Store(rig, third + ((iova >> 12 & 511) * 8), ipa | Page);
    }

    private static void Store(Smmu3Rig rig, ulong ipa, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(rig.Memory.CpuView.Span(Data + ipa, 8), value);

    private static ulong Load(Smmu3Rig rig, ulong ipa) => BinaryPrimitives.ReadUInt64LittleEndian(rig.Memory.CpuView.Span(Data + ipa, 8));

    /// <summary>The commands that something leads to.</summary>
    private static List<Smmu3Command> Commands(Smmu3Rig rig, Action action)
    {
        uint producer = rig.Model.Read32(Smmu3Register.CommandProducer);
        action();
        ulong register = rig.Model.Read64(Smmu3Register.CommandQueue);
        uint mask = (1u << (int)(register & Smmu3Register.QueueSizeMask)) - 1;
        var commands = new List<Smmu3Command>();
        for (; producer != rig.Model.Read32(Smmu3Register.CommandProducer); producer = (producer + 1) & ((2 * mask) + 1))
        {
            ulong at = (register & Smmu3Register.QueueAddressMask) + ((producer & mask) * 16);
            commands.Add(new Smmu3Command(Word(at), Word(at + 8)));
        }

        return commands;

        ulong Word(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(rig.Memory.CpuView.Span(address, 8));
    }
}
