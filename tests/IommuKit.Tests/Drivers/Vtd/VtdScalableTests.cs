using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using static IommuKit.Tests.Drivers.Vtd.VtdBench;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>The driver in scalable mode: first and second stage, PASIDs, and entries that a running device never sees torn.</summary>
public sealed class VtdScalableTests
{
    private const ulong Other = Data + 0x10_0000;

    // Caching mode, which the presets of scalable mode have not.
    private static readonly VtdUnit Guest = VtdUnit.Server57 with { Name = "guest-57", Capability = new(VtdUnit.Server57.Capability.Value | (1 << 7)) };

    public static TheoryData<VtdMode> Modes => [VtdMode.SecondStage, VtdMode.FirstStage];

    public static TheoryData<VtdMode, bool, bool> Cases
    {
        get
        {
            var cases = new TheoryData<VtdMode, bool, bool>();
            for (int i = 0; i < 8; i++)
            {
                cases.Add((i & 4) == 0 ? VtdMode.SecondStage : VtdMode.FirstStage, (i & 1) != 0, (i & 2) != 0);
            }

            return cases;
        }
    }

    public static TheoryData<VtdMode, SyncPolicy> ModesAndPolicies
    {
        get
        {
            var cases = new TheoryData<VtdMode, SyncPolicy>();
            foreach (var policy in Enum.GetValues<SyncPolicy>())
            {
                cases.Add(VtdMode.SecondStage, policy);
                cases.Add(VtdMode.FirstStage, policy);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(ModesAndPolicies))]
    public void Devices_reach_what_is_mapped_and_nothing_else(VtdMode mode, SyncPolicy policy)
    {
        foreach (var unit in (VtdUnit[])[VtdUnit.Server57, VtdUnit.EmulatedFirstStage, Guest])
        {
            if (mode == VtdMode.SecondStage && !unit.ExtendedCapability.SecondStage)
            {
                continue;
            }

            using var bench = Make(mode, unit);
            var domain = bench.MakeAttached(policy);
            foreach (ulong iova in (ulong[])[0, 0x1000, 0x1f_f000, 0x20_0000, 0x7fff_f000, 0x7fff_ffff_f000])
            {
                bench.CanRead(iova).ShouldBeFalse();
                domain.Map(iova, Data + 0x3000, 0x1000, ReadWrite);
                domain.Flush();
                bench.WhereIs(iova + 0x123).ShouldBe(Data + 0x3123);
                bench.WhereIs(iova, device: 1).ShouldBeNull();
                domain.Unmap(iova, 0x1000).ShouldBe(0x1000ul);
                domain.Flush();
                bench.CanRead(iova).ShouldBeFalse();
            }
        }
    }

    /// <summary>Both halves of the sign-extended space, and pages of 2 MiB and 1 GiB.</summary>
    [Fact]
    public void The_first_stage_has_all_of_the_address_space_and_large_pages()
    {
        using var bench = Make(VtdMode.FirstStage);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        ((PagingDomain)domain).Format.ShouldBe("x86-64");
        ulong high = 0xffff_ffff_c000_0000;
        domain.Map(high, 0x4000_0000, 1 << 30, ReadWrite);
        bench.WhereIs(high + 0x12_3456).ShouldBe(0x4012_3456ul);
        domain.TryFind(high, out var mapping).ShouldBeTrue();
        mapping.PageLog2.ShouldBe(30);
        domain.Unmap(high, 1 << 30);
        bench.WhereIs(high).ShouldBeNull();
        domain.Map(0x20_0000, 0x4020_0000, 2 << 20, Protection.Read);
        bench.CanRead(0x20_0000).ShouldBeTrue();
        bench.WhereIs(0x20_0000).ShouldBeNull("it may only be read");
    }

    [Fact]
    public void An_unmap_of_the_first_stage_is_one_invalidation_of_the_PASID_with_the_hint()
    {
        using var bench = Make(VtdMode.FirstStage);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0x8000, Data, 0x2000, ReadWrite);
        (bench.Descriptors.Count, bench.Waits).ShouldBe((0, 0));
        domain.Unmap(0x8000, 0x1000);
        bench.Waits.ShouldBe(1);
        var descriptor = bench.Descriptors.ShouldHaveSingleItem();
        (descriptor.Type, descriptor.Granularity, descriptor.Pasid, descriptor.Address, descriptor.AddressMask, descriptor.InvalidationHint)
            .ShouldBe((VtdInvalidationType.PasidIotlb, VtdGranularity.Selective, 0u, 0x8000ul, 0, true));
        domain.Unmap(0, 2 << 20);
        bench.Descriptors[1].InvalidationHint.ShouldBeFalse("a table went");
    }

    [Fact]
    public void Maps_of_the_first_stage_invalidate_nothing_in_caching_mode_either()
    {
        using var bench = Make(VtdMode.FirstStage, Guest);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        bench.CanRead(0x8000).ShouldBeFalse();
        domain.Map(0x8000, Data, 0x1000, ReadWrite);
        bench.Waits.ShouldBe(0);
        bench.CanRead(0x8000).ShouldBeTrue();
        domain.Unmap(0x8000, 0x1000);
        bench.Descriptors.ShouldHaveSingleItem().InvalidationHint.ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_PASID_has_a_domain_of_its_own(VtdMode mode, bool hasCachingMode, bool hasDeviceTlb)
    {
        using var bench = Make(mode, hasCachingMode ? Guest : VtdUnit.Server57, hasDeviceTlb, pasids: 1 << 20);
        var device = bench.Driver.Devices[0];
        var plain = bench.Driver.CreateDomain();
        var own = bench.Driver.CreateDomain();
        plain.Map(0x1000, Data, 0x1000, ReadWrite);
        own.Map(0x1000, Other, 0x1000, ReadWrite);
        int[] pasids = [1, 63, 64, 0xf_ffff];
        foreach (int pasid in pasids)
        {
            bench.WhereIs(0x1000, pasid: pasid).ShouldBeNull();
            own.Attach(device, pasid);
            bench.WhereIs(0x1000, pasid: pasid).ShouldBe(Other);
        }

        bench.WhereIs(0x1000).ShouldBeNull("what has no PASID has no domain yet");
        plain.Attach(device);
        bench.WhereIs(0x1000).ShouldBe(Data);
        own.Unmap(0x1000, 0x1000);
        foreach (int pasid in pasids)
        {
            bench.WhereIs(0x1000, pasid: pasid).ShouldBeNull();
        }

        plain.Replace(device, 63);
        bench.WhereIs(0x1000, pasid: 63).ShouldBe(Data);
        plain.Unmap(0x1000, 0x1000);
        bench.WhereIs(0x1000, pasid: 63).ShouldBeNull();
        plain.Detach(device);
        own.Map(0x1000, Other, 0x1000, ReadWrite);
        bench.WhereIs(0x1000, pasid: 64).ShouldBe(Other);
        own.Detach(device, 64);
        bench.WhereIs(0x1000, pasid: 64).ShouldBeNull();
        bench.Driver.IdentityDomain.Attach(device, 64);
        bench.WhereIs(0x77_7000, pasid: 64).ShouldBe(0x77_7000ul);
    }

    [Fact]
    public void PASID_0_and_PASIDs_that_a_device_has_not_are_refused()
    {
        using var bench = Make(VtdMode.FirstStage, pasids: 16);
        var domain = bench.Driver.CreateDomain();
        Should.Throw<IommuException>(() => domain.Attach(bench.Driver.Devices[0], 0)).Error.ShouldBe(IommuError.ENODEV);
        Should.Throw<IommuException>(() => domain.Attach(bench.Driver.Devices[0], 16)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<ArgumentException>(() => Make(VtdMode.FirstStage, pasids: (1 << 20) + 1));
        using var legacy = new VtdBench(functions: [new VtdFunction(0x10, Pasids: 16)]);
        Should.Throw<IommuException>(() => legacy.Driver.CreateDomain().Attach(legacy.Driver.Devices[0], 1)).Error.ShouldBe(IommuError.EINVAL);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_changed_while_no_device_was_there_is_not_stale_when_one_comes(VtdMode mode, bool hasCachingMode, bool hasDeviceTlb)
    {
        using var bench = Make(mode, hasCachingMode ? Guest : VtdUnit.Server57, hasDeviceTlb);
        var device = bench.Driver.Devices[0];
        var domain = bench.Driver.CreateDomain();
        domain.Attach(device);
        domain.Map(0x1000, Data, 0x1000, ReadWrite);
        bench.WhereIs(0x1000).ShouldBe(Data);
        bench.WhereIs(0x2000).ShouldBeNull();
        domain.Detach(device);
        bench.WhereIs(0x1000).ShouldBeNull();
        domain.Unmap(0x1000, 0x1000);
        domain.Map(0x2000, Data, 0x1000, ReadWrite);
        domain.Attach(device);
        bench.WhereIs(0x1000).ShouldBeNull();
        bench.WhereIs(0x2000).ShouldBe(Data);
    }

    /// <summary>
    /// A device at work looks at each write of a register, while a second one stays. What is unmapped of either domain on the way is gone for it when
    /// the unmap is over, under whatever id it is.
    /// </summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void A_device_goes_from_one_domain_to_another_without_a_gap(VtdMode mode, bool hasCachingMode, bool hasDeviceTlb)
    {
        using var bench = Make(mode, hasCachingMode ? Guest : VtdUnit.Server57, hasDeviceTlb);
        var (mover, stayer) = (bench.Driver.Devices[0], bench.Driver.Devices[1]);
        var first = bench.Driver.CreateDomain();
        var second = bench.Driver.CreateDomain();
        first.Map(0x1000, Data, 0x1000, ReadWrite);
        second.Map(0x1000, Other, 0x1000, ReadWrite);
        first.Attach(mover);
        second.Attach(stayer);
        bench.Driver.StrayFaultHandler = fault => throw new InvalidOperationException(fault.ToString());
        var seen = new HashSet<ulong>();
        bench.Writing = _ =>
        {
            for (int i = 0; i < 2; i++)
            {
                seen.Add(bench.WhereIs(0x1000).ShouldNotBeNull());
                bench.WhereIs(0x1000, device: 1).ShouldBe(Other);
                bench.Evict();
            }
        };
        second.Replace(mover);
        bench.WhereIs(0x1000).ShouldBe(Other);
        seen.ShouldBeSubsetOf((ulong[])[Data, Other]);
        first.Replace(mover);
        bench.WhereIs(0x1000).ShouldBe(Data);
        seen.ShouldBeSubsetOf((ulong[])[Data, Other]);
        if (!hasDeviceTlb)
        {
            // A device that has a TLB is one that goes by what the unit said before.
            bench.Driver.IdentityDomain.Replace(mover);
            bench.WhereIs(0x1000).ShouldBe(0x1000ul);
            second.Replace(mover);
            seen.ShouldBeSubsetOf((ulong[])[Data, Other, 0x1000]);
        }

        bench.Writing = null;
        bench.Driver.StrayFaultHandler = null;
        bench.Driver.BlockedDomain.Replace(mover);
        bench.WhereIs(0x1000).ShouldBeNull();
        bench.WhereIs(0x1000, device: 1).ShouldBe(Other);
    }

    [Theory]
    [InlineData(VtdMode.Legacy)]
    [InlineData(VtdMode.SecondStage)]
    [InlineData(VtdMode.FirstStage)]
    public void What_is_unmapped_while_a_device_moves_is_gone_when_the_unmap_is_over(VtdMode mode)
    {
        // At each of the waits that a move takes, once.
        for (int at = 0; ; at++)
        {
            using var bench = Make(mode);
            var mover = bench.Driver.Devices[0];
            var first = bench.Driver.CreateDomain();
            var second = bench.Driver.CreateDomain();
            foreach (ulong iova in (ulong[])[0x1000, 0x2000])
            {
                first.Map(iova, Data, 0x1000, ReadWrite);
                second.Map(iova, Other, 0x1000, ReadWrite);
            }

            first.Attach(mover);
            int waits = 0;
            bool isDone = false;
            bench.Waiting = () =>
            {
                if (isDone || waits++ != at)
                {
                    return;
                }

                isDone = true;
                bench.WhereIs(0x1000).ShouldNotBeNull();
                var unmaps = new Thread(() =>
                {
                    first.Unmap(0x1000, 0x1000);
                    second.Unmap(0x1000, 0x1000);
                });
                unmaps.Start();
                unmaps.Join();
                bench.WhereIs(0x1000).ShouldBeNull($"at wait {at}");
            };
            second.Replace(mover);
            bench.Waiting = null;
            if (!isDone)
            {
                at.ShouldBeGreaterThan(3);
                return;
            }

            bench.WhereIs(0x1000).ShouldBeNull();
            bench.WhereIs(0x2000).ShouldBe(Other);
        }
    }

    /// <summary>Each store to an entry that the unit may use is of one word, with a wait before the next.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public void Between_two_waits_one_word_of_an_entry_in_use_changes(VtdMode mode)
    {
        using var bench = Make(mode);
        var device = bench.Driver.Devices[0];
        var domains = Enumerable.Range(0, 2).Select(_ => bench.Driver.CreateDomain()).ToArray();
        domains[0].Attach(device);
        ulong entry = bench.PasidEntryOf(0x10, 0);
        var before = bench.Words(entry, 8);
        int most = 0;
        bench.Writing = offset =>
        {
            var after = bench.Words(entry, 8);
            most = Math.Max(most, after.Zip(before).Count(pair => pair.First != pair.Second));
            before = after;
        };
        domains[1].Replace(device);
        bench.Driver.IdentityDomain.Replace(device);
        domains[0].Replace(device);
        most.ShouldBe(1);

        // It goes by being not present first, and is cleared when nothing is cached of it.
        var order = new List<string>();
        bench.Writing = offset =>
        {
            if (offset == VtdRegister.QueueTail)
            {
                var words = bench.Words(entry, 3);
                order.Add($"{(words[0] == 0 ? "gone" : "there")} {(words[1] == 0 ? "cleared" : "kept")}");
            }
        };
        bench.Descriptors.Clear();
        domains[0].Detach(device);
        order.ShouldBe(["gone kept", "gone kept", "gone cleared"]);
        bench.Descriptors.Select(descriptor => descriptor.Type).ShouldBe(
        [
            VtdInvalidationType.PasidCache,
            mode == VtdMode.FirstStage ? VtdInvalidationType.PasidIotlb : VtdInvalidationType.Iotlb,
            VtdInvalidationType.ContextCache,
        ]);
    }

    [Theory]
    [InlineData(VtdMode.Legacy)]
    [InlineData(VtdMode.SecondStage)]
    [InlineData(VtdMode.FirstStage)]
    public void A_device_TLB_is_invalidated_after_the_IOTLB_behind_a_fence(VtdMode mode)
    {
        using var bench = Make(mode, hasDeviceTlb: true, pasids: 16);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0x8000, Data, 0x3000, ReadWrite);
        bench.WhereIs(0x8000).ShouldBe(Data);
        bench.Evict();
        bench.WhereIs(0x8000).ShouldBe(Data, "the device has it");
        domain.Unmap(0x8000, 0x2000);
        bench.WhereIs(0x8000).ShouldBeNull("it was asked for again at once, and the unit had nothing any more");
        bench.WhereIs(0xa000).ShouldBe(Data + 0x2000);
        bench.Waits.ShouldBe(1);
        bench.Descriptors.Select(descriptor => descriptor.Type).ShouldBe(
        [
            mode == VtdMode.FirstStage ? VtdInvalidationType.PasidIotlb : VtdInvalidationType.Iotlb,
            VtdInvalidationType.Wait,
            VtdInvalidationType.DeviceTlb,
        ]);
        bench.Descriptors[1].IsFence.ShouldBeTrue();
        var dropped = bench.Descriptors[2].DeviceTlb;
        (dropped.Source, dropped.Address, dropped.LastAddress).ShouldBe(((ushort)0x10, 0x8000ul, 0x9ffful));
        if (mode != VtdMode.Legacy)
        {
            bench.Descriptors.Clear();
            domain.Attach(bench.Driver.Devices[0], 5);
            domain.Unmap(0xa000, 0x1000);
            bench.Descriptors.Count(descriptor => descriptor.Type == VtdInvalidationType.PasidDeviceTlb).ShouldBe(1);
            bench.Descriptors.Count(descriptor => descriptor.Type == VtdInvalidationType.PasidIotlb).ShouldBe(mode == VtdMode.FirstStage ? 2 : 0);
        }
    }

    /// <summary>More ranges than are told apart, in one operation and in several pieces of it.</summary>
    [Theory]
    [InlineData(VtdMode.Legacy, true)]
    [InlineData(VtdMode.FirstStage, false)]
    public void Many_ranges_of_one_operation_reach_the_device(VtdMode mode, bool merges)
    {
        var options = merges ? VtdDriverOptions.Linux619 : new VtdDriverOptions();
        using var bench = new VtdBench(VtdUnit.Server57, options with { Mode = mode }, [new VtdFunction(0x10, HasDeviceTlb: true)]);
        var domain = bench.MakeAttached(SyncPolicy.Explicit);
        for (ulong iova = 0; iova < 40; iova += 2)
        {
            domain.Map(iova << 12, Data, 0x1000, ReadWrite);
            bench.WhereIs(iova << 12).ShouldBe(Data);
        }

        for (ulong iova = 0; iova < 40; iova += 2)
        {
            domain.Unmap(iova << 12, 0x1000);
        }

        domain.Flush();
        for (ulong iova = 0; iova < 40; iova += 2)
        {
            bench.WhereIs(iova << 12).ShouldBeNull();
        }
    }

    /// <summary>Random operations of two devices with PASIDs and TLBs, against a dictionary.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Random_operations_agree_with_a_dictionary(VtdMode mode, bool hasCachingMode, bool hasDeviceTlb)
    {
        var random = new Random(7);
        using var bench = Make(mode, hasCachingMode ? Guest : VtdUnit.Server57, hasDeviceTlb, pasids: 128);
        IommuDomain[] domains = [.. Enumerable.Range(0, 3).Select(_ => bench.Driver.CreateDomain())];
        var mapped = domains.Select(_ => new Dictionary<ulong, ulong>()).ToArray();
        (int Device, int Pasid)[] places = [(0, -1), (0, 1), (0, 100), (1, -1), (1, 1)];
        var at = new int?[places.Length];
        for (int round = 0; round < 3000; round++)
        {
            int place = random.Next(places.Length);
            int domain = random.Next(domains.Length);
            var device = bench.Driver.Devices[places[place].Device];
            ulong iova = (ulong)random.Next(12) << (random.Next(2) == 0 ? 12 : 21);
            switch (random.Next(4))
            {
                case 0 when random.Next(3) == 0:
                    if (at[place] is { } old)
                    {
                        domains[old].Detach(device, places[place].Pasid);
                        at[place] = null;
                    }

                    break;
                case 0:
                    if (at[place] != domain)
                    {
                        domains[domain].Replace(device, places[place].Pasid);
                        at[place] = domain;
                    }

                    break;
                case 1 when !mapped[domain].ContainsKey(iova):
                    ulong physical = Data + ((ulong)random.Next(1 << 10) << 12);
                    domains[domain].Map(iova, physical, 0x1000, ReadWrite);
                    mapped[domain][iova] = physical;
                    break;
                case 2 when mapped[domain].Remove(iova):
                    domains[domain].Unmap(iova, 0x1000).ShouldBe(0x1000ul);
                    break;
            }

            for (int i = 0; i < places.Length; i++)
            {
                ulong? expected = at[i] is { } there && mapped[there].TryGetValue(iova, out ulong physical) ? physical : null;
                bench.WhereIs(iova, places[i].Device, places[i].Pasid).ShouldBe(expected, $"round {round}, place {i}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Nothing_stays_allocated(VtdMode mode)
    {
        using var bench = Make(mode, pasids: 1 << 20);
        var domain = bench.Driver.CreateDomain();
        domain.Attach(bench.Driver.Devices[0]);
        domain.Attach(bench.Driver.Devices[1], 0x1_2345);
        domain.Map(0x1000, Data, 0x2000, ReadWrite);
        bench.Driver.Dispose();

        // The queue and its words, which hardware may still store to.
        bench.Allocator.Outstanding.ShouldBe(2);
    }

    [Theory]
    [InlineData(VtdMode.FirstStage)]
    [InlineData(VtdMode.SecondStage)]
    [InlineData((VtdMode)9)]
    public void A_unit_without_the_mode_is_refused(VtdMode mode) => Should.Throw<ArgumentException>(() => Make(mode, VtdUnit.Server48));

    /// <summary>
    /// A device with a TLB comes to a domain when an unmap has stored its descriptors, which know nothing of it, and before the unit has done them.
    /// </summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public void A_device_that_comes_during_an_unmap_keeps_nothing_of_it(VtdMode mode)
    {
        using var bench = Make(mode, hasDeviceTlb: true);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0x1000, Data, 0x1000, ReadWrite);
        bench.WhereIs(0x1000).ShouldBe(Data);
        Thread? attaching = null;
        bench.Writing = _ =>
        {
            bench.Writing = null;
            attaching = new Thread(() => domain.Attach(bench.Driver.Devices[1]));
            attaching.Start();

            // It may have to wait for this one.
            attaching.Join(TimeSpan.FromMilliseconds(200));
            bench.WhereIs(0x1000, device: 1);
        };
        domain.Unmap(0x1000, 0x1000);
        attaching.ShouldNotBeNull().Join();
        bench.WhereIs(0x1000, device: 1).ShouldBeNull();
    }

    [Fact]
    public void Faults_of_a_PASID_reach_the_handler_of_its_domain()
    {
        using var bench = Make(VtdMode.FirstStage, pasids: 4);
        var own = bench.Driver.CreateDomain();
        own.Attach(bench.Driver.Devices[0], 3);
        var plain = bench.MakeAttached(SyncPolicy.Gather);
        var faults = new List<string>();
        own.FaultHandler = fault => faults.Add($"own {fault.Iova:x} {fault.Reason}");
        plain.FaultHandler = fault => faults.Add($"plain {fault.Iova:x} {fault.Reason}");
        bench.WhereIs(0x5000, pasid: 3).ShouldBeNull();
        bench.WhereIs(0x6000).ShouldBeNull();
        faults.ShouldBe(["own 5000 FirstStageNotPresent (71h)", "plain 6000 FirstStageNotPresent (71h)"]);
    }

    private static VtdBench Make(VtdMode mode, VtdUnit? unit = null, bool hasDeviceTlb = false, int pasids = 0) => new(
        unit ?? VtdUnit.Server57,
        new VtdDriverOptions { Mode = mode },
        [new VtdFunction(0x0010, hasDeviceTlb, pasids), new VtdFunction(0x0100, hasDeviceTlb, pasids)]);
}
