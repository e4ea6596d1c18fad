using IommuKit.Dma;

namespace IommuKit.Tests.Dma;

/// <summary>
/// What goes wrong in allocators of IOVAs in the field, one test each. Two of the list are not an allocator's: that deferred flushes leave memory
/// reachable, and that buffers smaller than a granule show their neighbours.
/// </summary>
public class IovaPathologyTests
{
    private const ulong Page = 4096;

    [Fact]
    public void A_search_in_a_full_or_fragmented_space_looks_at_few_ranges()
    {
        const int pages = 1 << 14;
        var allocator = Small(1, pages, 0);
        var held = Enumerable.Range(0, pages).Select(_ => allocator.Allocate(Page)).ToList();
        Steps(() => allocator.TryAllocate(Page, out _).ShouldBeFalse()).ShouldBe(0);
        for (int i = 0; i < held.Count; i += 2)
        {
            allocator.Free(held[i]);
        }

        // 8,192 holes of one page: none fits two, also below a limit, and one is found along one path and another.
        int most = 2 * (int)(1.4405 * Math.Log2(pages));
        Steps(() => allocator.TryAllocate(2 * Page, out _).ShouldBeFalse()).ShouldBeLessThanOrEqualTo(most);
        Steps(() => allocator.TryAllocate(2 * Page, out _, 5000 * Page).ShouldBeFalse()).ShouldBeLessThanOrEqualTo(most);
        for (ulong limit = 10; limit < pages; limit += 97)
        {
            Steps(() => allocator.TryAllocate(Page, out _, limit * Page).ShouldBeTrue()).ShouldBeLessThanOrEqualTo(most);
        }

        long Steps(Action search)
        {
            long before = allocator.Statistics.Steps;
            search();
            return allocator.Statistics.Steps - before;
        }
    }

    [Fact]
    public void Giving_back_of_any_size_waits_for_no_lock_that_all_share()
    {
        var allocator = Small(1, 4095, 32);
        IovaRange[] held = [allocator.Allocate(100 * Page), allocator.Allocate(Page), allocator.Allocate(33 * Page)];
        var other = new Thread(() =>
        {
            foreach (var range in held)
            {
                allocator.Free(range);
            }
        });
        allocator.Gate.Enter();
        try
        {
            other.Start();

            // Were it to wait, this would too.
            other.Join();
            allocator.Statistics.Pending.ShouldBe(2);
            allocator.Statistics.Contentions.ShouldBe(2);
        }
        finally
        {
            allocator.Gate.Exit();
        }

        allocator.Trim();
        allocator.Statistics.Pending.ShouldBe(0);
        SpaceCheck.Check(allocator.Space, 1, 4095).ShouldBe([(1ul, 4095ul)]);
    }

    [Fact]
    public void The_largest_size_that_is_fast_can_be_chosen_and_is_told()
    {
        var allocator = new IovaAllocator(new() { MostCachedGranules = 512 });
        allocator.OptimalSize.ShouldBe(2ul << 20);
        allocator.Free(allocator.Allocate(2 << 20));
        long before = allocator.Statistics.Searches;
        for (int i = 0; i < 100; i++)
        {
            allocator.Free(allocator.Allocate(2 << 20));
        }

        allocator.Statistics.Searches.ShouldBe(before);
        new IovaAllocator().OptimalSize.ShouldBe(128ul << 10);
        new IovaAllocator(new() { MostCachedGranules = 0 }).OptimalSize.ShouldBe(0ul);
    }

    [Fact]
    public void Sizes_that_no_cache_keeps_are_not_rounded_up()
    {
        var allocator = Small(1, 66, 32);
        allocator.Allocate(33 * Page, alignment: Page);
        allocator.Allocate(33 * Page, alignment: Page);
        allocator.TryAllocate(1, out _).ShouldBeFalse();
    }

    [Fact]
    public void What_caches_hold_is_found_when_nothing_else_is_left()
    {
        var allocator = Small(1, 64, 32);
        var held = Enumerable.Range(0, 64).Select(_ => allocator.Allocate(Page)).ToList();
        held.ForEach(allocator.Free);
        allocator.Statistics.Cached.ShouldBe(64);

        // A large one, and one for a device that reaches little.
        var large = allocator.Allocate(32 * Page);
        allocator.Statistics.Drains.ShouldBe(1);
        allocator.Free(large);
        allocator.Allocate(Page, (2 * Page) - 1).Iova.ShouldBe(Page);
    }

    [Fact]
    public void A_cached_range_that_a_device_cannot_reach_does_not_hide_one_that_it_can()
    {
        var allocator = Small(1, 4095, 32);
        var low = allocator.Allocate(Page, (100 * Page) - 1);
        var high = Enumerable.Range(0, 10).Select(_ => allocator.Allocate(Page)).ToList();
        allocator.Free(low);
        high.ForEach(allocator.Free);
        long searches = allocator.Statistics.Searches;
        low = allocator.Allocate(Page, (100 * Page) - 1);
        allocator.Statistics.Searches.ShouldBe(searches);
        low.Iova.ShouldBe(99 * Page);
    }

    [Fact]
    public void Below_4_GiB_first_is_given_up_when_it_fails_once()
    {
        var allocator = new IovaAllocator();
        var source = new IovaSource(allocator);
        source.TryAllocate(Page, out var low).ShouldBeTrue();
        low.Iova.ShouldBeLessThan(1ul << 32);
        allocator.Reserve(0, uint.MaxValue - (ulong)Page);
        source.IsLowFull.ShouldBeFalse();
        source.TryAllocate(Page, out var next).ShouldBeTrue();
        next.Iova.ShouldBeGreaterThanOrEqualTo(1ul << 32);
        source.IsLowFull.ShouldBeTrue();
        allocator.Free(low);
        allocator.Trim();
        source.TryAllocate(Page, out next).ShouldBeTrue();
        next.Iova.ShouldBeGreaterThanOrEqualTo(1ul << 32);
        new IovaSource(allocator, prefersLow: false).TryAllocate(Page, out next).ShouldBeTrue();
        next.Iova.ShouldBeGreaterThanOrEqualTo(1ul << 32);
        new IovaSource(allocator, last: uint.MaxValue).TryAllocate(Page, out next).ShouldBeTrue();
        next.Iova.ShouldBeLessThan(1ul << 32);
    }

    [Fact]
    public void Caches_hold_no_more_than_was_said_and_can_be_emptied()
    {
        var allocator = Small(1, 40_000, 32, cachedRanges: 64);
        for (int round = 0; round < 3; round++)
        {
            var held = Enumerable.Range(0, 20_000).Select(_ => allocator.Allocate(Page)).ToList();
            held.ForEach(allocator.Free);
            int caches = (int)System.Numerics.BitOperations.RoundUpToPowerOf2(2 * (uint)Environment.ProcessorCount);
            allocator.Statistics.Cached.ShouldBeLessThanOrEqualTo(2 * 64 * caches);
        }

        long memory = allocator.Statistics.MemoryBytes;
        allocator.Trim();
        allocator.Statistics.Cached.ShouldBe(0);
        SpaceCheck.Check(allocator.Space, 1, 40_000).Count.ShouldBe(1);
        Enumerable.Range(0, 20_000).Select(_ => allocator.Allocate(Page)).ToList().ForEach(allocator.Free);
        allocator.Statistics.MemoryBytes.ShouldBe(memory);
    }

    [Fact]
    public void A_range_is_given_back_once_with_its_own_size_and_where_it_comes_from()
    {
        var allocator = Small(1, 4095, 32);
        foreach (ulong size in (ulong[])[Page, 40 * Page])
        {
            var range = allocator.Allocate(size);
            allocator.Free(range);
            Should.Throw<ArgumentException>(() => allocator.Free(range));
            var again = allocator.Allocate(size);
            Should.Throw<ArgumentException>(() => allocator.Free(range));
            allocator.Free(again);
        }

        Should.Throw<ArgumentException>(() => allocator.Free(default));
        var other = new IovaAllocator();
        Should.Throw<ArgumentException>(() => allocator.Free(other.Allocate(Page)));
        allocator.Trim();
        SpaceCheck.Check(allocator.Space, 1, 4095).ShouldBe([(1ul, 4095ul)]);
    }

    [Fact]
    public void An_address_can_have_the_low_bits_of_memory_so_that_large_pages_fit()
    {
        var allocator = new IovaAllocator();
        const ulong block = 2 << 20;
        foreach (ulong memory in (ulong[])[0x8010_3000, 0x8020_0000, 0x803f_f000])
        {
            var range = allocator.Allocate(6 << 20, alignment: block, offset: memory % block);
            (range.Iova % block).ShouldBe(memory % block);
            allocator.Free(range);
        }
    }

    [Fact]
    public void Neither_the_first_granule_nor_the_last_of_all_is_ever_handed_out()
    {
        var low = new IovaAllocator(new() { First = 0, Last = (4 * Page) - 1 });
        Enumerable.Range(0, 3).Select(_ => low.Allocate(1).Iova).ShouldBe([3 * Page, 2 * Page, Page]);
        low.TryAllocate(1, out _).ShouldBeFalse();
        var high = new IovaAllocator(new() { First = ulong.MaxValue - (3 * Page), Last = ulong.MaxValue });
        Enumerable.Range(0, 2).Select(_ => high.Allocate(1).Iova).ShouldBe([ulong.MaxValue - (2 * Page) + 1, ulong.MaxValue - (3 * Page) + 1]);
        high.TryAllocate(1, out _).ShouldBeFalse();
    }

    [Fact]
    public void Giving_back_never_allocates_memory_however_fragmented_the_space_gets()
    {
        const int pages = 4096;
        var allocator = Small(1, pages, 0);
        var held = Enumerable.Range(0, pages).Select(_ => allocator.Allocate(Page)).ToArray();
        int next = 0;
        long before = allocator.Statistics.MemoryBytes;

        // Each attempt gives others back, every other page first, which makes the most free ranges.
        Allocated.By(() =>
        {
            for (int i = 0; i < pages / 8; i++, next += 2)
            {
                allocator.Free(held[(next % pages) + (next / pages)]);
            }
        }).ShouldBe(0);
        allocator.Statistics.MemoryBytes.ShouldBe(before);
    }

    private static IovaAllocator Small(int first, int last, int mostCached, int cachedRanges = 256) => new(new IovaAllocatorOptions
    {
        First = (ulong)first * Page,
        Last = ((ulong)(last + 1) * Page) - 1,
        MostCachedGranules = mostCached,
        CachedRanges = cachedRanges,
    });
}
