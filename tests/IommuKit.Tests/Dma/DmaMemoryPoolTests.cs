using IommuKit.Dma;
using IommuKit.Models.Memory;

namespace IommuKit.Tests.Dma;

/// <summary>Memory out of a pool: all of it can be had, wherever the pool lies.</summary>
public class DmaMemoryPoolTests
{
    private const ulong Page = 4096;

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 2)]
    [InlineData(5, 100)]
    public void A_pool_gives_all_of_itself_in_one_piece_though_that_is_not_aligned_to_its_size(int first, int pages)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var pool = new DmaMemoryPool(memory.CpuView, (ulong)first * Page, (ulong)pages * Page);
        for (int round = 0; round < 3; round++)
        {
            var all = pool.Allocate((ulong)pages * Page);
            all.PhysicalAddress.ShouldBe((ulong)first * Page);
            all.Span(0, pages * (int)Page).ToArray().ShouldAllBe(value => value == 0);
            all.Span(0, pages * (int)Page).Fill(7);
            Should.Throw<IommuException>(() => pool.Allocate(1)).Error.ShouldBe(IommuError.ENOMEM);
            pool.Free(all);
        }
    }

    [Fact]
    public void A_piece_is_aligned_to_its_size_where_there_is_such_a_place()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var pool = new DmaMemoryPool(memory.CpuView, 3 * Page, 100 * Page);
        (pool.Allocate(16 * Page).PhysicalAddress % (16 * Page)).ShouldBe(0ul);
    }
}
