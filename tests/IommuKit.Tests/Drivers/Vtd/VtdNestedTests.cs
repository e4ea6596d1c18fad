using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Specs.Vtd;
using static IommuKit.Tests.Drivers.Vtd.VtdBench;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>Guests' first stages on top of domains: a guest's memory is 16 MiB from 0, which is at <see cref="VtdBench.Data"/> or behind it.</summary>
public sealed class VtdNestedTests
{
    private const ulong GuestBytes = 16 << 20;
    private const ulong Root = 0x1000;
    private const ulong Entry = 7;

    public static TheoryData<SyncPolicy, bool> Policies
    {
        get
        {
            var cases = new TheoryData<SyncPolicy, bool>();
            foreach (var policy in Enum.GetValues<SyncPolicy>())
            {
                cases.Add(policy, false);
                cases.Add(policy, true);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void What_the_host_takes_away_is_gone_for_the_guests_devices(SyncPolicy policy, bool hasDeviceTlb)
    {
        using var bench = Make(hasDeviceTlb);
        var memory = NewMemory(bench, policy);
        var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
        Point(bench, 0x7000_5000, 0x80_0000);
        guest.Attach(bench.Driver.Devices[0]);
        bench.WhereIs(0x7000_5123).ShouldBe(Data + 0x80_0123);
        bench.WhereIs(0x80_0000).ShouldBeNull("the guest has not mapped it");
        bench.Descriptors.Clear();
        memory.Unmap(0x80_0000, 0x1000);
        memory.Flush();
        bench.WhereIs(0x7000_5000).ShouldBeNull();
        memory.Map(0x80_0000, Data + 0xf0_0000, 0x1000, ReadWrite);
        memory.Flush();
        bench.WhereIs(0x7000_5000).ShouldBe(Data + 0xf0_0000);

        // By the second stage's descriptors: those of PASIDs name addresses of the guest, and know nothing of the host's.
        bench.Descriptors.ShouldContain(one => one.Type == VtdInvalidationType.Iotlb);
        bench.Descriptors.ShouldNotContain(one => one.Type == VtdInvalidationType.PasidIotlb);
        bench.Descriptors.Any(one => one.Type == VtdInvalidationType.DeviceTlb).ShouldBe(hasDeviceTlb);
    }

    /// <summary>The host takes away the page that a table of the guest is in.</summary>
    [Fact]
    public void A_table_of_the_guest_that_the_host_moved_is_read_where_it_is()
    {
        using var bench = Make();
        var memory = NewMemory(bench);
        var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
        Point(bench, 0x5000, 0x80_0000);
        guest.Attach(bench.Driver.Devices[0]);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x80_0000);
        ulong table = TableOf(bench, 0x5000);
        memory.Unmap(table, 0x1000);
        bench.WhereIs(0x6000).ShouldBeNull();
        ulong moved = Data + GuestBytes;
        Store(bench, moved + (5 * 8), 0x90_0000 | Entry);
        memory.Map(table, moved, 0x1000, ReadWrite);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x90_0000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_the_guest_changes_is_stale_until_it_says_so(bool hasDeviceTlb)
    {
        using var bench = Make(hasDeviceTlb);
        var memory = NewMemory(bench);
        var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
        Point(bench, 0x5000, 0x80_0000);
        Point(bench, 0x6000, 0x81_0000);
        guest.Attach(bench.Driver.Devices[0]);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x80_0000);
        bench.WhereIs(0x6000).ShouldBe(Data + 0x81_0000);
        Point(bench, 0x5000, 0x90_0000);
        Point(bench, 0x6000, 0x91_0000);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x80_0000);
        bench.Descriptors.Clear();
        guest.Invalidate(0x5000, 0x1000, changesTables: false);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x90_0000);
        bench.WhereIs(0x6000).ShouldBe(Data + 0x81_0000, "it was not named");
        var descriptor = bench.Descriptors[0];
        (descriptor.Type, descriptor.Address, descriptor.InvalidationHint).ShouldBe((VtdInvalidationType.PasidIotlb, 0x5000ul, true));
        bench.Descriptors.Count(one => one.Type != VtdInvalidationType.Wait).ShouldBe(hasDeviceTlb ? 2 : 1);
        guest.InvalidateAll();
        bench.WhereIs(0x6000).ShouldBe(Data + 0x91_0000);
    }

    [Fact]
    public void PASIDs_of_a_guest_are_told_apart()
    {
        using var bench = Make(pasids: 16);
        var memory = NewMemory(bench);
        var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
        var other = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(0x80_0000));
        Point(bench, 0x5000, 0x90_0000);
        Point(bench, 0x5000, 0xa0_0000, root: 0x80_0000);
        guest.Attach(bench.Driver.Devices[0], 3);
        other.Attach(bench.Driver.Devices[0], 4);
        memory.Attach(bench.Driver.Devices[0]);
        bench.WhereIs(0x5000, pasid: 3).ShouldBe(Data + 0x90_0000);
        bench.WhereIs(0x5000, pasid: 4).ShouldBe(Data + 0xa0_0000);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x5000);
        memory.Unmap(0x90_0000, 0x1000);
        bench.WhereIs(0x5000, pasid: 3).ShouldBeNull();
        bench.WhereIs(0x5000, pasid: 4).ShouldBe(Data + 0xa0_0000);
        bench.WhereIs(0x90_0000).ShouldBeNull();
    }

    /// <summary>A device that never rests meets each write of a register, and never one guest's first stage in the other's memory.</summary>
    [Fact]
    public void A_device_goes_from_guest_to_guest()
    {
        using var bench = Make();
        var (first, second) = (NewMemory(bench), NewMemory(bench, at: Data + GuestBytes));
        var one = bench.Driver.CreateNestedDomain(first, new VtdGuestTables(Root));
        var two = bench.Driver.CreateNestedDomain(second, new VtdGuestTables(0x80_0000));
        Point(bench, 0x5000, 0x90_0000);
        Point(bench, 0x5000, 0xa0_0000, root: 0x80_0000, at: Data + GuestBytes);

        // What a mixture of the two would lead to.
        Point(bench, 0x5000, 0xb0_0000, root: 0x80_0000);
        Point(bench, 0x5000, 0xb0_0000, at: Data + GuestBytes);
        ulong fromOne = Data + 0x90_0000;
        ulong fromTwo = Data + GuestBytes + 0xa0_0000;
        var device = bench.Driver.Devices[0];
        var seen = new HashSet<ulong?>();
        bench.Writing = _ =>
        {
            seen.Add(bench.WhereIs(0x5000));
            bench.Evict();
        };
        one.Attach(device);
        two.Replace(device);
        bench.WhereIs(0x5000).ShouldBe(fromTwo);
        one.Replace(device);
        bench.WhereIs(0x5000).ShouldBe(fromOne);
        seen.ShouldBeSubsetOf((ulong?[])[null, fromOne, fromTwo]);

        // To the domain under it and back, without a gap.
        seen.Clear();
        first.Replace(device);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x5000);
        one.Replace(device);
        bench.WhereIs(0x5000).ShouldBe(fromOne);
        seen.ShouldBeSubsetOf((ulong?[])[fromOne, Data + 0x5000]);
        bench.Writing = null;
        one.Detach(device);
        bench.WhereIs(0x5000).ShouldBeNull();
    }

    /// <summary>While a device moves, what the host takes away is gone under whatever id the device has.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_the_host_takes_away_while_a_device_moves_is_gone(bool toGuest)
    {
        for (int at = 0; ; at++)
        {
            using var bench = Make();
            var memory = NewMemory(bench);
            var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
            Point(bench, 0x80_0000, 0x80_0000);
            IommuDomain from = toGuest ? memory : guest;
            IommuDomain to = toGuest ? guest : memory;
            from.Attach(bench.Driver.Devices[0]);
            int waits = 0;
            bool isTaken = false;
            bench.Waiting = () =>
            {
                // Between an invalidation and its end no lock of the queue is held.
                if (waits++ == at)
                {
                    bench.Waiting = null;
                    bench.WhereIs(0x80_0000).ShouldBe(Data + 0x80_0000);
                    memory.Unmap(0x80_0000, 0x1000).ShouldBe(0x1000ul);
                    bench.WhereIs(0x80_0000).ShouldBeNull($"wait {at}");
                    isTaken = true;
                }
            };
            to.Replace(bench.Driver.Devices[0]);
            bench.Waiting = null;
            bench.WhereIs(0x80_0000).ShouldBe(isTaken ? null : Data + 0x80_0000);
            if (!isTaken)
            {
                at.ShouldBeGreaterThan(3);
                return;
            }
        }
    }

    /// <summary>A device with a TLB comes to a guest that another one is in, when an unmap of the host is stored and not yet done.</summary>
    [Fact]
    public void A_device_that_comes_to_a_guest_during_an_unmap_keeps_nothing_of_it()
    {
        using var bench = Make(hasDeviceTlb: true);
        var memory = NewMemory(bench);
        var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
        Point(bench, 0x5000, 0x80_0000);
        guest.Attach(bench.Driver.Devices[0]);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x80_0000);
        Thread? attaching = null;
        bench.Writing = _ =>
        {
            bench.Writing = null;
            attaching = new Thread(() => guest.Attach(bench.Driver.Devices[1]));
            attaching.Start();
            attaching.Join(TimeSpan.FromMilliseconds(200));
            bench.WhereIs(0x5000, device: 1);
        };
        memory.Unmap(0x80_0000, 0x1000);
        attaching.ShouldNotBeNull().Join();
        bench.WhereIs(0x5000, device: 1).ShouldBeNull();
    }

    [Fact]
    public void The_domain_under_a_guest_takes_the_guest_along()
    {
        using var bench = Make();
        var memory = NewMemory(bench);
        var guest = bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root));
        Point(bench, 0x5000, 0x80_0000);
        var device = bench.Driver.Devices[0];
        guest.Attach(device);
        bench.WhereIs(0x5000).ShouldBe(Data + 0x80_0000);
        memory.Dispose();
        device.Domain.ShouldBeNull();
        bench.WhereIs(0x5000).ShouldBeNull();
        Should.Throw<ObjectDisposedException>(() => guest.Attach(device));
        guest.InvalidateAll();
        bench.Driver.Dispose();
        bench.Allocator.Outstanding.ShouldBe(2);
    }

    [Fact]
    public void Nothing_is_mapped_in_a_guest()
    {
        using var bench = Make();
        var guest = bench.Driver.CreateNestedDomain(NewMemory(bench), new VtdGuestTables(Root));
        guest.TryMap(0x1000, Data, 0x1000, ReadWrite).ShouldBe(IommuError.ENODEV);
        guest.TryUnmap(0x1000, 0x1000, out _).ShouldBe(IommuError.ENODEV);
        guest.IovaToPhysical(0x1000).ShouldBeNull();
        guest.ApertureEnd.ShouldBe((1ul << 47) - 1);
        Should.Throw<IommuException>(() => guest.Invalidate(0x1000, 0, changesTables: true)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => guest.Invalidate(0x1001, 0x1000, changesTables: true)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => guest.Invalidate(ulong.MaxValue - 0xfff, 0x2000, changesTables: true)).Error.ShouldBe(IommuError.EOVERFLOW);
    }

    [Fact]
    public void What_cannot_be_nested_is_refused()
    {
        using var bench = Make();
        var memory = NewMemory(bench);
        Error(() => bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(0x1800))).ShouldBe(IommuError.EINVAL);
        Error(() => bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root, Levels: 3))).ShouldBe(IommuError.EINVAL);
        Error(() => bench.Driver.CreateNestedDomain(memory, new VtdGuestTables(ulong.MaxValue & ~0xffful))).ShouldBe(IommuError.EINVAL);
        using var other = Make();
        Error(() => other.Driver.CreateNestedDomain(memory, new VtdGuestTables(Root))).ShouldBe(IommuError.EINVAL);
        using var legacy = new VtdBench(VtdUnit.Server57);
        Error(() => legacy.Driver.CreateNestedDomain((PagingDomain)legacy.Driver.CreateDomain(), default)).ShouldBe(IommuError.ENODEV);

        static IommuError Error(Func<object> make) => Should.Throw<IommuException>(() => _ = make()).Error;
    }

    /// <summary>Random changes of host and guests, in places with and without PASIDs, against what the tables say.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Random_changes_are_seen_by_every_device(int seed, bool hasDeviceTlb)
    {
        const int rounds = 1500;
        const int pages = 6;
        var random = new Random(seed);
        using var bench = Make(hasDeviceTlb, pasids: 4);
        var memories = new[] { NewMemory(bench), NewMemory(bench, at: Data + GuestBytes) };
        ulong[] roots = [Root, 0x80_0000];
        var guests = new VtdNestedDomain[2, 2];
        var firstStage = new Dictionary<(int Memory, int Root, int Page), ulong>();
        var taken = new HashSet<(int Memory, ulong Page)>();
        for (int i = 0; i < 4; i++)
        {
            guests[i / 2, i % 2] = bench.Driver.CreateNestedDomain(memories[i / 2], new VtdGuestTables(roots[i % 2]));
            for (int page = 0; page < pages; page++)
            {
                Point(bench, VirtualOf(page), PhysicalOf(page), roots[i % 2], BaseOf(i / 2));
                firstStage[(i / 2, i % 2, page)] = PhysicalOf(page);
            }
        }

        (int Device, int Pasid)[] places = [(0, IommuDomain.NoPasid), (0, 2), (1, IommuDomain.NoPasid), (1, 3)];
        var at = new (int Memory, int Root)?[places.Length];
        for (int round = 0; round < rounds; round++)
        {
            int memory = random.Next(2);
            int root = random.Next(2);
            int page = random.Next(pages);
            int place = random.Next(places.Length);
            ulong host = PhysicalOf(random.Next(pages));
            var device = bench.Driver.Devices[places[place].Device];
            switch (random.Next(5))
            {
                case 0 when at[place] is { } there && random.Next(2) == 0:
                    guests[there.Memory, there.Root].Detach(device, places[place].Pasid);
                    at[place] = null;
                    break;
                case 0:
                    guests[memory, root].Replace(device, places[place].Pasid);
                    at[place] = (memory, root);
                    break;
                case 1 when taken.Add((memory, host)):
                    memories[memory].Unmap(host, 0x1000).ShouldBe(0x1000ul);
                    break;
                case 2 when taken.Remove((memory, host)):
                    memories[memory].Map(host, BaseOf(memory) + host, 0x1000, ReadWrite);
                    break;
                case 3:
                    Point(bench, VirtualOf(page), host, roots[root], BaseOf(memory));
                    firstStage[(memory, root, page)] = host;
                    guests[memory, root].Invalidate(VirtualOf(page), 0x1000, changesTables: false);
                    break;
            }

            for (int i = 0; i < places.Length; i++)
            {
                ulong? expected = at[i] is { } there && firstStage[(there.Memory, there.Root, page)] is var physical && !taken.Contains((there.Memory, physical))
                    ? BaseOf(there.Memory) + physical
                    : null;
                bench.WhereIs(VirtualOf(page), places[i].Device, places[i].Pasid).ShouldBe(expected, $"round {round}, place {i}");
            }
        }

        static ulong VirtualOf(int page) => 0x7000_0000 + ((ulong)page << 12);

        static ulong PhysicalOf(int page) => 0xc0_0000 + ((ulong)page << 16);

        static ulong BaseOf(int memory) => Data + ((ulong)memory * GuestBytes);
    }

    private static VtdBench Make(bool hasDeviceTlb = false, int pasids = 0) => new(
        VtdUnit.Server57,
        new VtdDriverOptions { Mode = VtdMode.SecondStage },
        [new VtdFunction(0x0010, hasDeviceTlb, pasids), new VtdFunction(0x0100, hasDeviceTlb, pasids)]);

    private static PagingDomain NewMemory(VtdBench bench, SyncPolicy policy = SyncPolicy.Gather, ulong at = Data)
    {
        var domain = (PagingDomain)bench.Driver.CreateDomain(new DomainOptions { Policy = policy, PageSizes = 1 << 12, Clock = new Support.ManualClock() });
        domain.Map(0, at, GuestBytes, ReadWrite);
        return domain;
    }

    /// <summary>Stores an entry of the guest's tables, and pointers to it: tables of a root follow it, one for each level and part of the address.</summary>
    private static void Point(VtdBench bench, ulong address, ulong physical, ulong root = Root, ulong at = Data)
    {
        ulong table = root;
        for (int level = 3; level > 0; level--)
        {
            ulong next = root + 0x1000 + ((ulong)(3 - level) << 12) + (level == 1 ? (address >> 21 & 0x1ff) << 12 : 0);
            Store(bench, at + table + ((address >> (12 + (9 * level)) & 0x1ff) * 8), next | Entry);
            table = next;
        }

        Store(bench, at + table + ((address >> 12 & 0x1ff) * 8), physical | Entry);
    }

    private static ulong TableOf(VtdBench bench, ulong address)
    {
        ulong table = Root;
        for (int level = 3; level > 0; level--)
        {
            ulong place = Data + table + ((address >> (12 + (9 * level)) & 0x1ff) * 8);
            table = BinaryPrimitives.ReadUInt64LittleEndian(bench.Memory.CpuView.Span(place, 8)) & 0x000f_ffff_ffff_f000;
        }

        return table;
    }

    private static void Store(VtdBench bench, ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(bench.Memory.CpuView.Span(address, 8), value);
}
