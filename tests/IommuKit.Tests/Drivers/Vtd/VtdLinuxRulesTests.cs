using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>The rules of Linux, release by release.</summary>
public sealed class VtdLinuxRulesTests
{
    private const ulong Data = VtdBench.Data;

    [Theory]
    [InlineData("6.1", "6.1")]
    [InlineData("6.1.0-56-amd64", "6.1")]
    [InlineData("6.11.10", "6.1")]
    [InlineData("5.15.0-119-generic", "6.1")]
    [InlineData("6.12", "6.12")]
    [InlineData("6.12.62", "6.12")]
    [InlineData("6.12.63", "6.12.63")]
    [InlineData("6.12.117+deb13-amd64", "6.12.63")]
    [InlineData("6.13.200", "6.12")]
    [InlineData("6.17.12", "6.12")]
    [InlineData("6.17.13-200.fc43.x86_64", "6.12.63")]
    [InlineData("6.18.1", "6.12")]
    [InlineData("6.18.2", "6.12.63")]
    [InlineData("6.19.0-rc1", "6.19")]
    [InlineData("7.2.13+deb14-amd64", "6.19")]
    [InlineData("", null)]
    [InlineData("6", null)]
    [InlineData("windows", null)]
    [InlineData("99999999999.1", null)]
    public void Rules_are_found_by_release(string release, string? rules) => VtdDriverOptions.OfLinux(release).ShouldBe(rules switch
    {
        "6.1" => VtdDriverOptions.Linux61,
        "6.12" => VtdDriverOptions.Linux612,
        "6.12.63" => VtdDriverOptions.Linux61263,
        "6.19" => VtdDriverOptions.Linux619,
        _ => null,
    });

    [Fact]
    public void An_operation_takes_one_block_and_the_hint_only_since_it_takes_effect()
    {
        foreach (var (options, hint) in (ReadOnlySpan<(VtdDriverOptions, bool)>)
            [(VtdDriverOptions.Linux61, false), (VtdDriverOptions.Linux612, false), (VtdDriverOptions.Linux619, true)])
        {
            using var bench = new VtdBench(options: options);
            var domain = bench.MakeAttached(SyncPolicy.SplitSync);
            domain.Map(0x1000, Data, 0x1000, VtdBench.ReadWrite);
            domain.Map(0x5000, Data, 0x2000, VtdBench.ReadWrite);
            domain.Unmap(0x1000, 0x1000);
            domain.Unmap(0x5000, 0x2000);
            bench.Descriptors.Select(descriptor => (descriptor.Address, descriptor.AddressMask, descriptor.InvalidationHint))
                .ShouldBe([(0x1000, 0, hint), (0x4000, 2, hint)]);
            bench.Waits.ShouldBe(2);
        }
    }

    /// <summary>Waits that store their status end a piece; those with the fence flag alone are within it.</summary>
    [Fact]
    public void Until_6_12_each_descriptor_has_a_wait_of_its_own()
    {
        Types(VtdDriverOptions.Linux61).ShouldBe(
        [
            VtdInvalidationType.Iotlb, VtdInvalidationType.Wait, VtdInvalidationType.DeviceTlb, VtdInvalidationType.Wait, VtdInvalidationType.DeviceTlb,
        ]);
        Types(VtdDriverOptions.Linux612).ShouldBe([VtdInvalidationType.Iotlb, VtdInvalidationType.DeviceTlb, VtdInvalidationType.DeviceTlb]);
        Types(new VtdDriverOptions()).ShouldBe(
            [VtdInvalidationType.Iotlb, VtdInvalidationType.Wait, VtdInvalidationType.DeviceTlb, VtdInvalidationType.DeviceTlb]);
    }

    /// <summary>
    /// The expected blocks are those that Linux 6.1 queued for an unmap of the same pages, in a recorded run of VFIO: 511 pages of 4 KiB, 30 of 2 MiB and
    /// one of 4 KiB. Linux writes the first address of the pages, the driver that of the block.
    /// </summary>
    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.SplitSync)]
    public void Another_size_of_page_begins_anew_until_6_19(SyncPolicy policy)
    {
        foreach (var options in (VtdDriverOptions[])[VtdDriverOptions.Linux61, VtdDriverOptions.Linux612, VtdDriverOptions.Linux61263])
        {
            UnmapRecorded(options, policy, out int waits).ShouldBe([(0x3020_0000, 9), (0x3000_0000, 14), (0x3400_0000, 0)]);
            waits.ShouldBe(3);
        }

        UnmapRecorded(VtdDriverOptions.Linux619, policy, out int one).ShouldBe([(0x3000_0000, 15)]);
        one.ShouldBe(1);
    }

    /// <summary>A part with a table that went has no hint; the parts beside it keep theirs.</summary>
    [Fact]
    public void The_hint_is_of_each_part()
    {
        using var bench = new VtdBench(options: VtdDriverOptions.Linux61263);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        for (ulong iova = 0x1f_f000; iova < 0x40_1000; iova += 0x1000)
        {
            // Not adjacent, so that there are no large pages.
            domain.Map(iova, Data + ((iova & 0xf_f000) << 1), 0x1000, VtdBench.ReadWrite);
        }

        bench.Descriptors.Clear();
        domain.Unmap(0x1f_f000, 0x20_2000);
        bench.Descriptors.Select(descriptor => (descriptor.Address, descriptor.AddressMask, descriptor.InvalidationHint))
            .ShouldBe([(0x1f_f000, 0, true), (0x20_0000, 9, false), (0x40_0000, 0, true)]);
    }

    [Fact]
    public void What_does_not_touch_begins_anew()
    {
        foreach (var (options, blocks) in (ReadOnlySpan<(VtdDriverOptions, (ulong, int)[])>)
            [(VtdDriverOptions.Linux612, [(0x1000, 0), (0x2_0000, 1)]), (VtdDriverOptions.Linux619, [(0, 6)])])
        {
            using var bench = new VtdBench(options: options);
            var domain = bench.MakeAttached(SyncPolicy.Explicit);
            domain.Map(0x1000, Data, 0x1000, VtdBench.ReadWrite);
            domain.Map(0x2_0000, Data, 0x2000, VtdBench.ReadWrite);
            domain.Flush();
            bench.Descriptors.Clear();
            domain.Unmap(0x1000, 0x1000);
            domain.Unmap(0x2_0000, 0x1000);
            domain.Unmap(0x2_1000, 0x1000);
            domain.Flush();
            Blocks(bench).ShouldBe(blocks);
            bench.WhereIs(0x1000).ShouldBeNull();
            bench.WhereIs(0x2_1000).ShouldBeNull();
        }
    }

    /// <summary>In caching mode a map needs the IOTLB alone; an unmap that is flushed together with it needs the device's TLB too.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_map_that_is_flushed_with_an_unmap_does_not_hide_it_from_devices(bool beginsAnew)
    {
        var unit = VtdUnit.Server48;
        unit = unit with { Capability = new VtdCapability(unit.Capability.Value | (1ul << 7)) };
        unit.Capability.CachingMode.ShouldBeTrue();
        using var bench = new VtdBench(unit, VtdDriverOptions.Linux612 with { BeginsAnew = beginsAnew }, [new VtdFunction(0x10, HasDeviceTlb: true)]);
        var domain = bench.MakeAttached(SyncPolicy.Explicit);
        domain.Map(0x1000, Data, 0x1000, VtdBench.ReadWrite);
        domain.Flush();
        bench.WhereIs(0x1000).ShouldBe(Data);
        domain.Unmap(0x1000, 0x1000);
        domain.Map(0x2000, Data, 0x1000, VtdBench.ReadWrite);
        domain.Flush();
        bench.WhereIs(0x1000).ShouldBeNull();
        bench.WhereIs(0x2000).ShouldBe(Data);
    }

    [Fact]
    public void More_descriptors_than_the_queue_holds_have_a_wait_each_too()
    {
        using var bench = new VtdBench(options: new VtdDriverOptions { WaitsForEach = true, BlocksPerRange = 400 });
        var domain = bench.MakeAttached(SyncPolicy.Explicit);
        for (ulong iova = 0; iova < 800; iova += 2)
        {
            domain.Map(iova << 12, Data, 0x1000, VtdBench.ReadWrite);
            bench.WhereIs(iova << 12).ShouldBe(Data);
        }

        for (ulong iova = 0; iova < 800; iova += 2)
        {
            domain.Unmap(iova << 12, 0x1000);
        }

        domain.Flush();
        for (ulong iova = 0; iova < 800; iova += 2)
        {
            bench.WhereIs(iova << 12).ShouldBeNull();
        }

        // Where the queue is full, there is one more, to make room.
        const int Full = 800 / 256;
        int waits = bench.Waits + bench.Descriptors.Count(descriptor => descriptor.Type == VtdInvalidationType.Wait);
        waits.ShouldBeInRange(400, 400 + Full);
        bench.Descriptors.Count(descriptor => descriptor.Type == VtdInvalidationType.Iotlb).ShouldBe(400);
    }

    private static List<(ulong Address, int Mask)> UnmapRecorded(VtdDriverOptions options, SyncPolicy policy, out int waits)
    {
        using var bench = new VtdBench(options: options);
        var domain = bench.MakeAttached(policy);
        domain.Map(0x3020_1000, 0x4020_1000, 0x3e0_0000, VtdBench.ReadWrite);
        bench.Descriptors.Clear();
        int before = bench.Waits;
        domain.Unmap(0x3020_1000, 0x3e0_0000);
        waits = bench.Waits - before;
        return Blocks(bench);
    }

    private static List<(ulong Address, int Mask)> Blocks(VtdBench bench) =>
        [.. bench.Descriptors.Where(one => one.Type == VtdInvalidationType.Iotlb).Select(descriptor => (descriptor.Address, descriptor.AddressMask))];

    private static List<VtdInvalidationType> Types(VtdDriverOptions options)
    {
        using var bench = new VtdBench(
            options: options, functions: [new VtdFunction(0x10, HasDeviceTlb: true), new VtdFunction(0x20, HasDeviceTlb: true)]);
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        domain.Attach(bench.Driver.Devices[1]);
        domain.Map(0x1000, Data, 0x1000, VtdBench.ReadWrite);
        bench.Descriptors.Clear();
        domain.Unmap(0x1000, 0x1000);
        return [.. bench.Descriptors.Select(descriptor => descriptor.Type)];
    }
}
