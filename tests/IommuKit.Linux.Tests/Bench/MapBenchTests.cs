using IommuKit.Linux.Bench;
using IommuKit.Linux.Tests.Support;

namespace IommuKit.Linux.Tests.Bench;

/// <summary>The bench asks for what it says it measures, and leaves nothing mapped.</summary>
public class MapBenchTests
{
    private const ulong Page = 4096;
    private const ulong Iova = 0x4000_0000;

    [LinuxFact]
    public void Each_way_maps_all_of_its_memory_in_as_many_calls_as_it_says()
    {
        var space = new FakeSpace();
        using var memory = BenchMemory.TryTake(BenchPages.Small, 8 * Page).ShouldNotBeNull();
        var rows = new MapBench(space, Page, ring: null).Run(
            Iova, 8 * Page, [memory], [BenchCalls.One, BenchCalls.EachPage], TimeSpan.Zero);

        // One turn that is not counted, and five that are.
        rows.Select(row => (row.Calls, row.Operation, row.Granule)).ShouldBe(
        [
            (BenchCalls.One, BenchOperation.Map, 8 * Page),
            (BenchCalls.One, BenchOperation.Unmap, 8 * Page),
            (BenchCalls.EachPage, BenchOperation.Map, Page),
            (BenchCalls.EachPage, BenchOperation.Unmap, Page),
        ]);
        rows.ShouldAllBe(row => row.Latencies.Samples == 5 && row.Size == 8 * Page && row.Pages == BenchPages.Small);
        space.Maps.Count(call => call == (Iova, memory.Address, 8 * Page)).ShouldBe(6);
        space.Maps.Count(call => call.Size == Page).ShouldBe(6 * 8);
        space.Maps.Where(call => call.Size == Page).ShouldAllBe(call => call.Iova - Iova == call.Address - memory.Address);
        space.Maps.Where(call => call.Size == Page).Select(call => call.Iova).Distinct().Count().ShouldBe(8);
        space.Mapped.ShouldBeEmpty();
    }

    [LinuxFact]
    public void A_refused_map_is_one_line_with_a_remedy_and_leaves_nothing()
    {
        var space = new FakeSpace { Refusal = 12, RefusedFrom = 5 };
        using var memory = BenchMemory.TryTake(BenchPages.Small, 8 * Page).ShouldNotBeNull();
        var refusal = Should.Throw<HostException>(
            () => new MapBench(space, Page, ring: null).Run(Iova, 8 * Page, [memory], [BenchCalls.EachPage], TimeSpan.Zero));
        refusal.Message.ShouldContain("ulimit -l");
        refusal.Message.ShouldNotContain("\n");
        refusal.Problem.ShouldBe(HostProblem.Permission);
        space.Mapped.ShouldBeEmpty();
    }

    [LinuxFact]
    public void Memory_is_there_and_pinning_takes_some_time_where_the_kernel_has_a_way()
    {
        using var memory = BenchMemory.TryTake(BenchPages.Small, 64 * Page).ShouldNotBeNull();
        (memory.Address % Page).ShouldBe(0ul);
        using var ring = IoUring.TryMake();
        bool canPin = ring?.TryPin(memory.Address, 64 * Page) == true;
        ring?.Unpin();
        var rows = new MapBench(new FakeSpace(), Page, ring).Run(Iova, 64 * Page, [memory], [BenchCalls.One], TimeSpan.Zero);
        var pins = rows.SingleOrDefault(row => row.Operation == BenchOperation.Pin);
        (pins is { Latencies: { Samples: 5, Least: > 0 } }).ShouldBe(canPin);
    }
}
