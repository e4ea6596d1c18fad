using IommuKit.Models.Memory;
using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

public sealed class PageAllocatorTests : IDisposable
{
    private readonly PhysicalMemory _memory = new(16 << 20, isCoherent: true);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Blocks_are_zeroed_aligned_and_counted()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0x1000, 1 << 20);
        var seen = new HashSet<ulong>();
        for (int i = 0; i < 20; i++)
        {
            int log2 = i % 3 == 0 ? 14 : 12;
            allocator.TryAllocate(log2, out ulong address).ShouldBeTrue();
            (address & ((1ul << log2) - 1)).ShouldBe(0ul);
            for (ulong page = 0; page < 1ul << log2; page += 4096)
            {
                seen.Add(address + page).ShouldBeTrue();
            }

            _memory.CpuView.Span(address, 1 << log2).ContainsAnyExcept((byte)0).ShouldBeFalse();
            _memory.CpuView.Span(address, 1 << log2).Fill(0xee);
        }

        allocator.Outstanding.ShouldBe(20);
    }

    [Fact]
    public void A_block_given_back_is_handed_out_again_and_zeroed()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 4096);
        allocator.TryAllocate(12, out ulong first).ShouldBeTrue();
        _memory.CpuView.Span(first, 4096).Fill(1);
        allocator.TryAllocate(12, out _).ShouldBeFalse();

        allocator.Free(first, 12);
        allocator.Outstanding.ShouldBe(0);

        allocator.TryAllocate(12, out ulong second).ShouldBeTrue();
        second.ShouldBe(first);
        _memory.CpuView.Span(second, 4096).ContainsAnyExcept((byte)0).ShouldBeFalse();
    }

    [Fact]
    public void What_alignment_skips_is_not_lost()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 8 * 4096);
        allocator.TryAllocate(12, out _).ShouldBeTrue();
        allocator.TryAllocate(14, out ulong block).ShouldBeTrue();
        block.ShouldBe(4ul * 4096);
        for (int i = 0; i < 3; i++)
        {
            allocator.TryAllocate(12, out _).ShouldBeTrue();
        }

        allocator.TryAllocate(12, out _).ShouldBeFalse();
    }

    [Fact]
    public void A_reservation_is_all_or_nothing()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 4 * 4096);
        TableList list = default;
        allocator.TryReserve(12, 5, ref list).ShouldBeFalse();
        list.IsEmpty.ShouldBeTrue();
        allocator.Outstanding.ShouldBe(0);

        allocator.TryReserve(12, 4, ref list).ShouldBeTrue();
        list.Count.ShouldBe(4);
        allocator.Take(12, ref list);
        allocator.FreeAll(12, ref list);
        allocator.Outstanding.ShouldBe(1);
    }

    [Fact]
    public void The_limit_makes_memory_run_out()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 1 << 20) { Limit = 2 };
        allocator.TryAllocate(12, out _).ShouldBeTrue();
        allocator.TryAllocate(12, out ulong second).ShouldBeTrue();
        allocator.TryAllocate(12, out _).ShouldBeFalse();
        allocator.Free(second, 12);
        allocator.TryAllocate(12, out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0ul, 0ul)]
    [InlineData(1ul, 4096ul)]
    [InlineData(0ul, 4097ul)]
    [InlineData(16ul << 20, 4096ul)]
    [InlineData(ulong.MaxValue - 4095, 4096ul)]
    public void A_pool_must_be_pages_inside_memory(ulong start, ulong length) =>
        Should.Throw<ArgumentException>(() => new PageAllocator(_memory.CpuView, start, length));

    [Fact]
    public void A_foreign_block_is_refused()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0x10_0000, 4096);
        Should.Throw<ArgumentOutOfRangeException>(() => allocator.Free(0x20_0000, 12));
        Should.Throw<ArgumentOutOfRangeException>(() => allocator.Free(0x10_0200, 12));
    }

    [Fact]
    public void A_block_is_given_back_once()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 8 * 4096);
        Should.Throw<InvalidOperationException>(() => allocator.Free(4096, 12));
        allocator.TryAllocate(12, out ulong block).ShouldBeTrue();
        allocator.Free(block, 12);
        Should.Throw<InvalidOperationException>(() => allocator.Free(block, 12));
        allocator.Outstanding.ShouldBe(0);
        TableList list = default;
        Should.Throw<InvalidOperationException>(() => allocator.Push(ref list, block));
    }

    [Fact]
    public void A_block_is_given_back_with_its_size()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 8 * 4096);
        allocator.TryAllocate(12, out ulong block).ShouldBeTrue();
        Should.Throw<InvalidOperationException>(() => allocator.Free(block, 14));
        allocator.Free(block, 12);
    }

    /// <summary>As the root of a format with few bits is; each caller names its own size in every call.</summary>
    [Fact]
    public void A_size_below_the_smallest_block_means_that_everywhere()
    {
        const int Small = PageAllocator.MinBlockLog2 - 4;
        var allocator = new PageAllocator(_memory.CpuView, 0, 4096);
        allocator.Capacity(Small).ShouldBe(4);
        allocator.TryAllocate(Small, out ulong first).ShouldBeTrue();
        allocator.IsHandedOut(first, Small).ShouldBeTrue();
        allocator.Free(first, Small);
        allocator.TryAllocate(Small, out first).ShouldBeTrue();
        allocator.Free([first], Small);
        allocator.TryAllocate(Small, out first).ShouldBeTrue();
        allocator.TryFree(first, Small);
        TableList list = default;
        allocator.TryReserve(Small, 4, ref list).ShouldBeTrue();
        _memory.CpuView.Span(0, 4096).Fill(1);
        ulong taken = allocator.Take(Small, ref list);
        _memory.CpuView.Span(taken, 1 << PageAllocator.MinBlockLog2).ContainsAnyExcept((byte)0).ShouldBeFalse();
        allocator.FreeAll(Small, ref list);
        allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3 * 4096)]
    public void Small_free_blocks_serve_a_large_request(ulong start)
    {
        const int Pages = 64;
        var allocator = new PageAllocator(_memory.CpuView, start, Pages * 4096);
        for (int round = 0; round < 2; round++)
        {
            var blocks = new List<ulong>();
            while (allocator.TryAllocate(12, out ulong block))
            {
                blocks.Add(block);
            }

            blocks.Count.ShouldBe(Pages);
            blocks.ForEach(block => allocator.Free(block, 12));
            allocator.TryAllocate(16, out ulong large).ShouldBeTrue();
            (large % 65536).ShouldBe(0ul);
            large.ShouldBeGreaterThanOrEqualTo(start);
            allocator.Free(large, 16);
            allocator.Outstanding.ShouldBe(0);
        }
    }

    [Fact]
    public void A_large_free_block_serves_small_requests()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 4 * 4096);
        allocator.TryAllocate(14, out ulong block).ShouldBeTrue();
        allocator.Free(block, 14);
        var seen = new HashSet<ulong>();
        while (allocator.TryAllocate(10, out ulong small))
        {
            seen.Add(small).ShouldBeTrue();
        }

        seen.Count.ShouldBe(16);
        allocator.Outstanding.ShouldBe(16);
    }

    [Fact]
    public void Threads_never_get_the_same_block()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, 8 << 20);
        var all = new System.Collections.Concurrent.ConcurrentBag<ulong>();
        Parallel.For(0, 4, _ =>
        {
            for (int i = 0; i < 400; i++)
            {
                allocator.TryAllocate(12, out ulong address).ShouldBeTrue();
                if (i % 2 == 0)
                {
                    allocator.Free(address, 12);
                }
                else
                {
                    all.Add(address);
                }
            }
        });
        all.Distinct().Count().ShouldBe(800);
        allocator.Outstanding.ShouldBe(800);
    }
}
