using FsCheck;
using FsCheck.Fluent;
using IommuKit.Dma;

namespace IommuKit.Tests.Dma;

/// <summary>The allocator against an oracle, and what may be relied on.</summary>
public class IovaAllocatorTests
{
    private const ulong Page = 4096;

    /// <summary>Without caches each answer is that of the oracle, and after each step the whole space is as it should be.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_steps_without_caches_are_those_of_the_oracle(int seed)
    {
        const int first = 3;
        const int last = 700;
        var random = new Random(seed);
        var allocator = Small(first, last, 0);
        var oracle = new IovaOracle(first, last);
        var held = new List<IovaRange>();
        for (int step = 0; step < 2048; step++)
        {
            if (held.Count != 0 && random.Next(100) < 45)
            {
                int chosen = random.Next(held.Count);
                allocator.Free(held[chosen]);
                oracle.Return((int)(held[chosen].Iova / Page), (int)(held[chosen].Size / Page));
                held.RemoveAt(chosen);
            }
            else
            {
                int length = random.Next(4) == 0 ? random.Next(1, 90) : random.Next(1, 8);
                int limit = random.Next(3) == 0 ? random.Next(last + 50) : int.MaxValue;
                int alignment = random.Next(3) switch { 0 => 0, 1 => 1, _ => 1 << random.Next(7) };
                int offset = alignment > 1 ? random.Next(2) * random.Next(alignment) : 0;
                int natural = alignment == 0 ? (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length) : alignment;
                int? place = oracle.Find(length, natural, offset, limit == int.MaxValue ? last : limit);
                ulong mask = limit == int.MaxValue ? ulong.MaxValue : ((ulong)(limit + 1) * Page) - 1;
                bool isThere = allocator.TryAllocate(
                    (ulong)length * Page, out var range, mask, (ulong)alignment * Page, (ulong)offset * Page);
                isThere.ShouldBe(place is not null, $"step {step}: {length} of {natural}+{offset} up to {limit}");
                if (isThere)
                {
                    range.Iova.ShouldBe((ulong)place!.Value * Page, $"step {step}");
                    oracle.Take(place.Value, length);
                    held.Add(range);
                }
            }

            SpaceCheck.Check(allocator.Space, first, last).ShouldBe(oracle.FreeRanges());
        }
    }

    /// <summary>As a flush gives them back: retired one by one, returned together in any order, cached where sizes are, and all there in the end.</summary>
    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 20_000)]
    public void What_is_retired_is_nobodys_until_it_is_returned_and_then_all_is_there(int seed, int count)
    {
        const ulong last = (1 << 24) - 1;
        var random = new Random(seed);
        var allocator = Small(1, (int)last, 32);
        List<IovaRange> held = [];
        for (int i = 0; i < count; i++)
        {
            held.Add(allocator.Allocate(Page * (ulong)(random.Next(4) == 0 ? random.Next(33, 70) : random.Next(1, 33))));
        }

        held.ForEach(range => allocator.TryRetire(range).ShouldBeTrue());
        held.ForEach(range => allocator.TryRetire(range).ShouldBeFalse());
        Should.Throw<ArgumentException>(() => allocator.Free(held[0]));
        long cached = allocator.Statistics.Cached;

        // The one that is taken back is good again, once.
        allocator.TakeBack(held[0]);
        allocator.IsHandedOut(held[0]).ShouldBeTrue();
        allocator.Free(held[0]);
        held.RemoveAt(0);

        int[] nodes = [.. held.Select(range => range.Node)];
        random.Shuffle(nodes);
        allocator.Return(nodes);
        allocator.Statistics.Cached.ShouldBeGreaterThan(cached);
        allocator.Statistics.Pending.ShouldBe(0);
        allocator.Trim();
        SpaceCheck.Check(allocator.Space, 1, last).ShouldBe([(1ul, last)]);
    }

    /// <summary>With caches places may be others, but no granule is handed out twice, none beyond a limit, and nothing fails that need not.</summary>
    [Fact]
    public void With_caches_nothing_is_handed_out_twice_and_nothing_fails_that_need_not()
    {
        const int first = 1;
        const int last = 400;
        Prop.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            var allocator = Small(first, last, 8, cachedRanges: 4);
            var oracle = new IovaOracle(first, last);
            var held = new List<(IovaRange Range, int Length)>();
            for (int step = 0; step < 300; step++)
            {
                if (held.Count != 0 && random.Next(100) < 48)
                {
                    int chosen = random.Next(held.Count);
                    allocator.Free(held[chosen].Range);
                    oracle.Return((int)(held[chosen].Range.Iova / Page), held[chosen].Length);
                    held.RemoveAt(chosen);
                    continue;
                }

                int asked = random.Next(1, 13);
                int limit = random.Next(2) == 0 ? random.Next(last) : last;
                int natural = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)asked);
                int length = asked <= 8 ? natural : asked;
                if (!allocator.TryAllocate((ulong)asked * Page, out var range, ((ulong)(limit + 1) * Page) - 1))
                {
                    oracle.Find(length, natural, 0, limit).ShouldBeNull();
                    continue;
                }

                range.Size.ShouldBe((ulong)asked * Page);
                (range.Iova % ((ulong)natural * Page)).ShouldBe(0ul);
                (range.Iova + range.Size).ShouldBeLessThanOrEqualTo((ulong)(limit + 1) * Page);
                oracle.Take((int)(range.Iova / Page), length);
                held.Add((range, length));
            }

            held.ForEach(one => allocator.Free(one.Range));
            allocator.Trim();
            SpaceCheck.Check(allocator.Space, first, last).ShouldBe([((ulong)first, (ulong)(last - first + 1))]);
            allocator.Statistics.Cached.ShouldBe(0);
            allocator.Statistics.Pending.ShouldBe(0);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Addresses_go_down_from_the_top_and_are_aligned_to_their_size()
    {
        var allocator = new IovaAllocator(new() { MostCachedGranules = 0 });
        ulong previous = 1ul << 48;
        for (int order = 0; order < 8; order++)
        {
            for (int i = 0; i < 5; i++)
            {
                var range = allocator.Allocate(Page << order);
                range.Iova.ShouldBeLessThan(previous);
                (range.Iova % (Page << order)).ShouldBe(0ul);
                previous = range.Iova;
            }
        }
    }

    [Fact]
    public void Reserved_ranges_are_never_handed_out()
    {
        var allocator = Small(1, 1023, 32);
        allocator.Reserve(512 * Page, (1024 * Page) - 1);
        allocator.Reserve(600 * Page, 700 * Page);
        allocator.Reserve((100 * Page) + 5, (100 * Page) + 6);
        int count = 0;
        while (allocator.TryAllocate(1, out var range))
        {
            (range.Iova / Page).ShouldBeLessThan(512ul);
            (range.Iova / Page).ShouldNotBe(100ul);
            count++;
        }

        count.ShouldBe(510);
        Should.Throw<IommuException>(() => allocator.Reserve(0, 3 * Page)).Error.ShouldBe(IommuError.EBUSY);
    }

    [Fact]
    public void A_device_of_32_bits_finds_a_place_below_a_thousand_others()
    {
        var allocator = new IovaAllocator();
        for (int i = 0; i < 1000; i++)
        {
            allocator.Allocate(Page);
        }

        allocator.Allocate(Page, (1ul << 33) - 1).Iova.ShouldBe((1ul << 33) - Page);
        allocator.Allocate(Page, uint.MaxValue).Iova.ShouldBe(0xffff_f000ul);
        var wide = new IovaAllocator(new() { Last = (1ul << 57) - 1 });
        wide.Allocate(Page, (1ul << 56) - 1).Iova.ShouldBe((1ul << 56) - Page);
    }

    /// <summary>Two threads that map one page each store to the same line of a page table otherwise.</summary>
    [Fact]
    public void The_pages_of_threads_at_the_same_time_have_their_entries_on_different_lines()
    {
        var allocator = new IovaAllocator();
        ulong[][] pages = new ulong[2][];
        var threads = Enumerable.Range(0, pages.Length)
            .Select(index => new Thread(() => pages[index] = [.. Enumerable.Range(0, 8).Select(_ => allocator.Allocate(Page).Iova)]))
            .ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        pages.ShouldAllBe(of => of.SequenceEqual(of.OrderDescending()));
        pages.Select(of => of.Select(iova => iova / (8 * Page)).Distinct().ShouldHaveSingleItem()).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public void Aligned_pairs_fit_into_holes_of_two()
    {
        var allocator = Small(2, 65, 0);
        var pairs = Enumerable.Range(0, 32).Select(_ => allocator.Allocate(2 * Page)).ToList();
        allocator.TryAllocate(1, out _).ShouldBeFalse();
        for (int i = 0; i < 32; i += 2)
        {
            allocator.Free(pairs[i]);
        }

        for (int i = 0; i < 16; i++)
        {
            (allocator.Allocate(2 * Page).Iova % (2 * Page)).ShouldBe(0ul);
        }

        allocator.TryAllocate(1, out _).ShouldBeFalse();
    }

    [Fact]
    public void A_limit_that_is_soon_used_up_is_one_that_can_be_left()
    {
        var allocator = new IovaAllocator();
        var random = new Random(5);
        for (int i = 0; i < 500; i++)
        {
            ulong size = (ulong)random.Next(1, 5) * Page;
            (allocator.TryAllocate(size, out _, (256 * Page) - 1) || allocator.TryAllocate(size, out _)).ShouldBeTrue();
        }
    }

    [Fact]
    public void Large_blocks_fit_above_thousands_of_small_ones()
    {
        var allocator = Small(1, 16383, 32);
        for (int i = 0; i < 8000; i++)
        {
            allocator.Allocate(Page);
        }

        (allocator.Allocate(32 * Page).Iova % (32 * Page)).ShouldBe(0ul);
    }

    [Fact]
    public void Nothing_is_allocated_after_warm_up()
    {
        var allocator = Small(1, 8191, 32);
        var held = new IovaRange[512];
        var random = new Random(7);
        int[] sizes = [.. Enumerable.Range(0, held.Length).Select(_ => random.Next(1, 50))];
        Allocated.By(() =>
        {
            for (int i = 0; i < held.Length; i++)
            {
                allocator.TryAllocate((ulong)sizes[i] * Page, out held[i]);
            }

            for (int i = 0; i < held.Length; i += 2)
            {
                Give(i);
            }

            allocator.Trim();
            for (int i = 1; i < held.Length; i += 2)
            {
                Give(i);
            }

            void Give(int i)
            {
                if (!held[i].IsEmpty)
                {
                    allocator.Free(held[i]);
                }
            }
        }).ShouldBe(0);
    }

    [Fact]
    public void Threads_never_get_the_same()
    {
        const int pages = 2048;
        const int steps = 20_000;
        var allocator = Small(1, pages, 16, cachedRanges: 8);
        int[] owners = new int[pages + 1];
        int clashes = 0;
        Thread[] threads =
        [
            .. Enumerable.Range(1, 2).Select(id => new Thread(() =>
            {
                var random = new Random(id);
                var held = new Queue<IovaRange>();
                for (int step = 0; step < steps; step++)
                {
                    if (held.Count < 40 && allocator.TryAllocate((ulong)random.Next(1, 25) * Page, out var range))
                    {
                        Mark(range, 0, id);
                        held.Enqueue(range);
                    }
                    else if (held.TryDequeue(out var oldest))
                    {
                        Mark(oldest, id, 0);
                        allocator.Free(oldest);
                    }
                }

                foreach (var left in held)
                {
                    Mark(left, id, 0);
                    allocator.Free(left);
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        clashes.ShouldBe(0);
        allocator.Trim();
        SpaceCheck.Check(allocator.Space, 1, pages).ShouldBe([(1ul, (ulong)pages)]);

        void Mark(IovaRange range, int from, int to)
        {
            for (ulong page = range.Iova / Page; page < (range.Iova + range.Size) / Page; page++)
            {
                if (Interlocked.CompareExchange(ref owners[page], to, from) != from)
                {
                    Interlocked.Increment(ref clashes);
                }
            }
        }
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        Should.Throw<ArgumentException>(() => new IovaAllocator(new() { Granule = 3000 }));
        Should.Throw<ArgumentException>(() => new IovaAllocator(new() { Granule = 0 }));
        Should.Throw<ArgumentException>(() => new IovaAllocator(new() { First = 1, Last = 8190 }));
        Should.Throw<ArgumentException>(() => new IovaAllocator(new() { MostCachedGranules = 33 }));
        Should.Throw<ArgumentException>(() => new IovaAllocator(new() { CachedRanges = 1 }));
        var allocator = new IovaAllocator();
        Should.Throw<ArgumentException>(() => allocator.Allocate(0));
        Should.Throw<ArgumentException>(() => allocator.Allocate(Page, alignment: 3));
        Should.Throw<ArgumentException>(() => allocator.Allocate(Page, alignment: 2 * Page, offset: 2 * Page));
        Should.Throw<ArgumentException>(() => allocator.Allocate(Page, alignment: 2 * Page, offset: 1));
        Should.Throw<IommuException>(() => allocator.Allocate(ulong.MaxValue)).Error.ShouldBe(IommuError.ENOSPC);
        Should.Throw<IommuException>(() => allocator.Allocate(1, last: 4095)).Error.ShouldBe(IommuError.ENOSPC);
        Should.Throw<IommuException>(() => allocator.Allocate(1, last: 0)).Error.ShouldBe(IommuError.ENOSPC);
        allocator.Allocate(1, last: 8191).Iova.ShouldBe(4096ul);
    }

    private static IovaAllocator Small(int first, int last, int mostCached, int cachedRanges = 256) => new(new IovaAllocatorOptions
    {
        First = (ulong)first * Page,
        Last = ((ulong)(last + 1) * Page) - 1,
        MostCachedGranules = mostCached,
        CachedRanges = cachedRanges,
    });
}
