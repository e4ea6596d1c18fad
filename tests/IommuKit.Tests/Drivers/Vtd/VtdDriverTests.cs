using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using static IommuKit.Tests.Drivers.Vtd.VtdBench;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>The VT-d driver with the model behind it: what devices reach, and what comes into the queue.</summary>
public sealed class VtdDriverTests
{
    public static TheoryData<SyncPolicy> Policies => [.. Enum.GetValues<SyncPolicy>()];

    [Theory]
    [MemberData(nameof(Policies))]
    public void Devices_reach_what_is_mapped_and_nothing_else(SyncPolicy policy)
    {
        foreach (var unit in (VtdUnit[])[VtdUnit.Client39, VtdUnit.Server48, VtdUnit.Server57, VtdUnit.Emulated])
        {
            using var bench = new VtdBench(unit);
            var domain = bench.MakeAttached(policy);
            ulong last = domain.ApertureEnd & ~0xffful;
            foreach (ulong iova in (ulong[])[0, 0x1000, 0x1f_f000, 0x20_0000, 0x7fff_f000, last])
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

    [Theory]
    [MemberData(nameof(Policies))]
    public void Large_pages_come_and_go(SyncPolicy policy)
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(policy);
        domain.Map(0x4020_0000, 0x4020_0000, (1 << 30) + (2 << 20), Protection.Read);
        domain.Flush();
        domain.TryFind(0x8000_0000, out var mapping).ShouldBeTrue();
        mapping.PageLog2.ShouldBe(21);
        bench.CanRead(0x8000_0000).ShouldBeTrue();
        bench.WhereIs(0x8000_0000).ShouldBeNull("it may only be read");
        domain.Unmap(0x4020_0000, (1 << 30) + (2 << 20)).ShouldBe((1ul << 30) + (2 << 20));
        domain.Flush();
        bench.CanRead(0x8000_0000).ShouldBeFalse();
        bench.CanRead(0x4020_0000).ShouldBeFalse();
    }

    [Fact]
    public void A_map_needs_nothing_and_an_unmap_one_invalidation_with_the_hint_and_one_wait()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0x8000, Data, 0x2000, ReadWrite);
        (bench.Descriptors.Count, bench.Waits).ShouldBe((0, 0));
        domain.Unmap(0x8000, 0x1000);
        bench.Waits.ShouldBe(1);
        var descriptor = bench.Descriptors.ShouldHaveSingleItem();
        (descriptor.Type, descriptor.Granularity, descriptor.Address, descriptor.AddressMask, descriptor.InvalidationHint)
            .ShouldBe((VtdInvalidationType.Iotlb, VtdGranularity.Selective, 0x8000ul, 0, true));
    }

    [Fact]
    public void The_hint_is_not_given_where_a_table_went()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0, Data, 0x1000, ReadWrite);
        long tables = bench.Allocator.Outstanding;
        domain.Unmap(0, 2 << 20);
        bench.Allocator.Outstanding.ShouldBe(tables - 1);
        bench.Descriptors.ShouldHaveSingleItem().InvalidationHint.ShouldBeFalse();
        bench.Descriptors[0].LastAddress.ShouldBeGreaterThanOrEqualTo((2ul << 20) - 1);
    }

    [Theory]
    [InlineData(3, 2, 4, new ulong[] { 3, 4 }, new[] { 0, 0 })]
    [InlineData(1, 7, 4, new ulong[] { 1, 2, 4 }, new[] { 0, 1, 2 })]
    [InlineData(1, 7, 1, new ulong[] { 0 }, new[] { 3 })]
    [InlineData(3, 2, 1, new ulong[] { 0 }, new[] { 3 })]
    [InlineData(1, 30, 4, new ulong[] { 0 }, new[] { 5 })]
    public void A_range_is_rounded_or_taken_apart(ulong first, ulong pages, int blocks, ulong[] starts, int[] masks)
    {
        using var bench = new VtdBench(options: new VtdDriverOptions { BlocksPerRange = blocks });
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(first << 12, Data, pages << 12, ReadWrite);
        domain.Unmap(first << 12, pages << 12);
        bench.Descriptors.Select(descriptor => descriptor.Address >> 12).ShouldBe(starts);
        bench.Descriptors.Select(descriptor => descriptor.AddressMask).ShouldBe(masks);
        bench.Waits.ShouldBe(1);
    }

    /// <summary>Blocks cover the range; several are exactly it, and one is the smallest aligned one around it.</summary>
    [Fact]
    public void Blocks_cover_exactly_or_are_the_smallest_around()
    {
        using var bench = new VtdBench();
        using var rounding = new VtdBench(options: new VtdDriverOptions { BlocksPerRange = 1 });
        var random = new Random(3);
        for (int i = 0; i < 300; i++)
        {
            ulong first = (ulong)random.Next(3000);
            ulong pages = (ulong)random.Next(1, 200);
            foreach (var one in (VtdBench[])[bench, rounding])
            {
                one.Descriptors.Clear();
                one.Driver.Queue.Begin();
                one.Driver.Invalidator.Invalidate(new VtdTags([new VtdTag(9, VtdTag.EveryPasid)], []), first << 12, ((first + pages) << 12) - 1, changesTables: false);
                one.Driver.Queue.Wait(one.Driver.Queue.Submit());
            }

            var covered = new HashSet<ulong>();
            foreach (var descriptor in bench.Descriptors)
            {
                for (ulong page = descriptor.Address >> 12; page <= descriptor.LastAddress >> 12; page++)
                {
                    covered.Add(page).ShouldBeTrue("no page twice");
                }
            }

            ulong log2 = 0;
            while (first >> (int)log2 != (first + pages - 1) >> (int)log2)
            {
                log2++;
            }

            rounding.Descriptors.ShouldHaveSingleItem().AddressMask.ShouldBe((int)log2);
            rounding.Descriptors[0].Address.ShouldBe(first >> (int)log2 << (int)log2 << 12);
            bench.Descriptors.Count.ShouldBeLessThanOrEqualTo(4);
            covered.Count.ShouldBe(bench.Descriptors.Count > 1 ? (int)pages : 1 << bench.Descriptors[0].AddressMask);
            covered.ShouldContain(first);
            covered.ShouldContain(first + pages - 1);
        }
    }

    [Fact]
    public void Many_pages_and_blocks_that_the_unit_does_not_have_take_the_whole_domain()
    {
        var few = VtdUnit.Server48 with { Capability = new(VtdUnit.Server48.Capability.Value & ~(0x3ful << 48) | (3ul << 48)) };
        var none = VtdUnit.Server48 with { Capability = new(VtdUnit.Server48.Capability.Value & ~(1ul << 39)) };
        (VtdUnit Unit, VtdDriverOptions Options, ulong Pages)[] cases =
        [
            (VtdUnit.Server48, new() { DomainThreshold = 16 }, 16),
            (few, new() { BlocksPerRange = 1 }, 16),
            (none, new(), 1),
        ];
        foreach (var (unit, options, pages) in cases)
        {
            using var bench = new VtdBench(unit, options);
            var domain = bench.MakeAttached(SyncPolicy.Gather);
            domain.Map(0x1_0000, Data, pages << 12, ReadWrite);
            domain.Unmap(0x1_0000, pages << 12);
            bench.Descriptors.ShouldHaveSingleItem().Granularity.ShouldBe(VtdGranularity.Domain);
        }
    }

    /// <summary>A queue that goes on after all is good for whoever comes next, and nothing of the operation before stays reachable.</summary>
    [Fact]
    public void A_queue_that_stands_still_is_waited_for_with_a_limit()
    {
        using var bench = new VtdBench(options: new VtdDriverOptions { Patience = TimeSpan.FromMilliseconds(20) });
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0x8000, Data, 0x2000, ReadWrite);
        bench.IsStuck = true;
        Should.Throw<TimeoutException>(() => domain.Unmap(0x8000, 0x1000)).Message.ShouldContain("the invalidation queue");
        bench.IsStuck = false;
        domain.Unmap(0x9000, 0x1000);
        domain.Map(0x8000, Data + 0x7000, 0x1000, ReadWrite);
        bench.WhereIs(0x8000).ShouldBe(Data + 0x7000);
        bench.WhereIs(0x9000).ShouldBeNull();
        Should.Throw<ArgumentException>(() => new VtdBench(options: new VtdDriverOptions { Patience = TimeSpan.Zero }));
    }

    [Fact]
    public void Only_caching_mode_has_maps_invalidate()
    {
        var unit = VtdUnit.Emulated with { Capability = new(VtdUnit.Emulated.Capability.Value | (1 << 7)) };
        using var bench = new VtdBench(unit);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        bench.CanRead(0x8000).ShouldBeFalse("it remembers that nothing is there");
        domain.Map(0x8000, Data, 0x2000, ReadWrite);
        bench.Waits.ShouldBe(1);
        bench.Descriptors.ShouldAllBe(descriptor => !descriptor.InvalidationHint);
        bench.CanRead(0x8000).ShouldBeTrue();
    }

    /// <summary>Also where it links tables, which reach much further; and as often as there are ranges, or once for a list.</summary>
    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.RangeFlush)]
    public void A_map_in_caching_mode_invalidates_its_own_pages(SyncPolicy policy)
    {
        var unit = VtdUnit.Emulated with { Capability = new(VtdUnit.Emulated.Capability.Value | (1 << 7)) };
        using var bench = new VtdBench(unit);
        var domain = bench.MakeAttached(policy);
        bench.Descriptors.Clear();
        domain.Map(0x7000_8000, Data, 0x2000, ReadWrite);
        domain.TryMapScatterGather(0x1f_e000, [new(Data, 0x1000), new(Data, 0x3000)], ReadWrite, out _).ShouldBe(IommuError.None);
        domain.Map(0x7000_a000, Data, 0x1000, ReadWrite);
        bench.Descriptors.Where(descriptor => descriptor.Type == VtdInvalidationType.Iotlb)
            .Select(descriptor => (descriptor.Granularity, descriptor.Address, Pages: 1 << descriptor.AddressMask, descriptor.InvalidationHint))
            .ShouldBe(
            [
                (VtdGranularity.Selective, 0x7000_8000ul, 2, false),
                (VtdGranularity.Selective, 0x1f_e000ul, 2, false),
                (VtdGranularity.Selective, 0x20_0000ul, 2, false),
                (VtdGranularity.Selective, 0x7000_a000ul, 1, false),
            ]);
        bench.Descriptors.Clear();
        domain.Unmap(0x7000_8000, 0x1000);
        bench.Descriptors.Single(descriptor => descriptor.Type == VtdInvalidationType.Iotlb).InvalidationHint.ShouldBeTrue();
    }

    [Fact]
    public void A_freed_table_is_not_given_out_before_the_wait_was_answered()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0, Data, 0x1000, ReadWrite);
        long outstanding = bench.Allocator.Outstanding;
        long atDoorbell = 0;
        bench.Writing = offset => atDoorbell = offset == VtdRegister.QueueTail ? bench.Allocator.Outstanding : atDoorbell;
        domain.Unmap(0, 2 << 20);
        atDoorbell.ShouldBe(outstanding);
        bench.Allocator.Outstanding.ShouldBe(outstanding - 1);
    }

    [Fact]
    public void The_queue_goes_round_many_times()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        for (int i = 0; i < 1000; i++)
        {
            domain.Map(0x1000, Data + ((ulong)i << 12), 0x1000, ReadWrite);
            bench.WhereIs(0x1000).ShouldBe(Data + ((ulong)i << 12));
            domain.Unmap(0x1000, 0x1000);
        }

        bench.Waits.ShouldBe(1000);
        bench.CanRead(0x1000).ShouldBeFalse();
    }

    [Fact]
    public void Threads_share_the_queue()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        var failures = new System.Collections.Concurrent.ConcurrentBag<string>();
        Parallel.For(0, 4, thread =>
        {
            ulong iova = 0x1000_0000 * ((ulong)thread + 1);
            for (int i = 0; i < 200; i++)
            {
                domain.Map(iova, Data + ((ulong)i << 12), 0x1000, ReadWrite);
                if (bench.WhereIs(iova) != Data + ((ulong)i << 12))
                {
                    failures.Add($"thread {thread}, round {i}: not where it was mapped");
                }

                domain.Unmap(iova, 0x1000);
                if (bench.CanRead(iova))
                {
                    failures.Add($"thread {thread}, round {i}: still there");
                }
            }
        });
        failures.ShouldBeEmpty();
    }

    [Fact]
    public void What_the_hardware_refuses_is_told_and_made_up_for()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Map(0x1000, Data, 0x2000, ReadWrite);
        bench.CanRead(0x1000).ShouldBeTrue();
        bench.SpoilsNext = true;
        Should.Throw<IommuException>(() => domain.Unmap(0x1000, 0x1000)).Error.ShouldBe(IommuError.EIO);
        domain.Unmap(0x2000, 0x1000).ShouldBe(0x1000ul);
        bench.CanRead(0x1000).ShouldBeFalse();
        bench.CanRead(0x2000).ShouldBeFalse();
        (bench.Read32(VtdRegister.FaultStatus) & VtdRegister.FaultStatusBits.Clearable).ShouldBe(0u);
    }

    [Theory]
    [InlineData(-1, 0, 8)]
    [InlineData(0, -1, 8)]
    [InlineData(0, 0, 7)]
    [InlineData(0, 0, 16)]
    public void Options_that_cannot_be_are_refused(int blocks, int threshold, int queueLog2) => Should.Throw<ArgumentException>(() => new VtdBench(
        options: new VtdDriverOptions { BlocksPerRange = blocks, DomainThreshold = threshold, QueueLog2 = queueLog2 }));

    [Fact]
    public void Nothing_stays_allocated()
    {
        using var bench = new VtdBench();
        using (var domain = bench.MakeAttached(SyncPolicy.Gather))
        {
            domain.Map(0x1000, Data, 0x2000, ReadWrite);
        }

        bench.Driver.Dispose();

        // The queue and its words, which hardware may still store to.
        bench.Allocator.Outstanding.ShouldBe(2);
    }
}
