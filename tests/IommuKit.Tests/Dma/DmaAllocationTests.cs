using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.Dma;

/// <summary>To map and unmap allocates nothing once it has run before.</summary>
[Collection("alone")]
public sealed class DmaAllocationTests
{
    public static TheoryData<SyncPolicy> Policies() => [.. Enum.GetValues<SyncPolicy>()];

    [Theory]
    [MemberData(nameof(Policies))]
    public void Nothing_is_allocated(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        using var pool = new DmaPool(machine.Mapper, 16, 2048);
        PhysicalRange[] few = [.. Enumerable.Range(0, 8).Select(i => new PhysicalRange((ulong)i * 8192, 4096))];
        PhysicalRange[] many = [.. Enumerable.Range(0, 100).Select(i => new PhysicalRange((ulong)i * 8192, 4096))];
        var segments = new DmaSegment[100];

        Allocated.By(() =>
        {
            for (int i = 0; i < 600; i++)
            {
                machine.Mapper.Unmap(machine.Mapper.Map(0x1234, 4096, DmaDirection.ToDevice));
                machine.Mapper.UnmapList(machine.Mapper.MapList(few, DmaDirection.FromDevice, segments), few);
                machine.Mapper.UnmapList(machine.Mapper.MapList(many, DmaDirection.FromDevice, segments), many);
                pool.TryRent(out var buffer);
                pool.Return(buffer);
            }
        }).ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Nothing_is_allocated_for_memory_of_the_process(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        byte[] array = new byte[3 * 4096];
        Allocated.By(() =>
        {
            for (int i = 0; i < 600; i++)
            {
                machine.Mapper.UnmapMemory(machine.Mapper.MapMemory(array.AsMemory(i, 100), DmaDirection.Bidirectional));
                machine.Mapper.UnmapMemory(machine.Mapper.MapMemory(array, DmaDirection.FromDevice));
            }
        }).ShouldBe(0);
    }

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    public void A_million_maps_and_unmaps_leave_nothing_behind(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        Pairs(1000);
        long tables = machine.Tables.Outstanding;
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        Pairs(1_000_000);
        (GC.GetAllocatedBytesForCurrentThread() - bytes).ShouldBeLessThan(1 << 16);
        machine.Mapper.Domain.Flush();
        machine.Mapper.Domain.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();

        // How many IOVAs wait at once is a matter of timing, and with them the tables.
        machine.Tables.Outstanding.ShouldBeLessThan(tables + 8);
        machine.Mapper.Statistics.MemoryBytes.ShouldBeLessThan(1 << 20);

        void Pairs(int count)
        {
            for (int i = 0; i < count; i++)
            {
                machine.Mapper.Unmap(machine.Mapper.Map(0x1234, 100, DmaDirection.ToDevice));
            }

            machine.Mapper.Domain.Flush();
        }
    }

    [Fact]
    public void A_map_of_requests_that_gets_empty_again_and_again_makes_no_garbage()
    {
        var map = new MappingMap();
        Allocated.By(() =>
        {
            for (ulong round = 0; round < 100; round++)
            {
                for (ulong i = 0; i < 128; i++)
                {
                    map.Add(new MappingMap.Mapping(i << 12, (i << 12) + 0xfff, round << 12, Protection.Read));
                }

                for (ulong i = 0; i < 128; i++)
                {
                    map.Remove(i << 12);
                }
            }
        }).ShouldBe(0);
        map.Count.ShouldBe(0);
    }
}
