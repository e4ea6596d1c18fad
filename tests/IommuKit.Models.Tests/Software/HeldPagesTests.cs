using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Software;

/// <summary>The pages that a walker remembers, against a dictionary and with a writer at work; and that they are believed, whatever memory says now.</summary>
public class HeldPagesTests
{
    [Theory]
    [InlineData(1, 40, 0)]
    [InlineData(2, 500, 0)]
    [InlineData(3, 5000, 0)]
    [InlineData(4, 5000, 9)]
    [InlineData(5, 300, 52)]
    public void They_are_what_a_dictionary_holds(int seed, int range, int shift)
    {
        var random = new Random(seed);
        var pages = new HeldPages();
        var expected = new Dictionary<ulong, ulong>();
        int added = 0;
        for (int step = 2; step < 20_000; step++)
        {
            ulong page = (ulong)random.Next(range) << random.Next(0, shift + 1);
            switch (random.Next(20))
            {
                case < 5:
                    bool isThere = expected.ContainsKey(page);
                    int capacity = expected.Count + random.Next(10) switch { 0 => 0, _ => 1 };
                    if (pages.TryAdd(page, (ulong)step, capacity))
                    {
                        (isThere || capacity == expected.Count).ShouldBeFalse();
                        expected[page] = (ulong)step;
                        added++;
                    }

                    break;
                case < 14:
                    pages.Set(page, (ulong)step);
                    expected[page] = (ulong)step;
                    break;
                case < 19:
                    ulong last = page + ((ulong)random.Next(range / 4) << random.Next(0, shift + 1));
                    pages.Remove(page, last);
                    foreach (ulong gone in expected.Keys.Where(key => key >= page && key <= last).ToArray())
                    {
                        expected.Remove(gone);
                    }

                    break;
                case 19 when random.Next(20) == 0:
                    pages.Clear();
                    expected.Clear();
                    break;
            }

            pages.Count.ShouldBe(expected.Count);
            ulong asked = (ulong)random.Next(range) << random.Next(0, shift + 1);
            ulong held = expected.GetValueOrDefault(asked);
            pages.Find(asked).ShouldBe(held);
            pages.Peek(asked).ShouldBeOneOf(held, HeldPages.Elsewhere);
            if (step % 500 == 0)
            {
                expected.ShouldAllBe(one => pages.Find(one.Key) == one.Value);
            }
        }

        added.ShouldBeGreaterThan(100);
    }

    /// <summary>Groups that were left empty give their places to others: a device that goes through all its addresses needs no more of them.</summary>
    [Fact]
    public void What_was_removed_takes_no_room()
    {
        var pages = new HeldPages();
        pages.Set(0, 1);
        GoThrough(1000);
        Allocated.By(() => GoThrough(100_000)).ShouldBe(0);
        pages.Count.ShouldBe(1);
        pages.Find(0).ShouldBe(1ul);

        void GoThrough(ulong groups)
        {
            for (ulong page = 8; page < 8 * groups; page += 8)
            {
                pages.Set(page, page);
                pages.Remove(page, page);
            }
        }
    }

    [Fact]
    public void A_reader_never_sees_half_of_a_change()
    {
        var guard = default(SequenceLock);
        var pages = new HeldPages();
        bool isOver = false;
        long seen = 0;
        var reader = Background.Run(() =>
        {
            var random = new Random(1);
            while (!Volatile.Read(ref isOver))
            {
                ulong page = (ulong)random.Next(3000);
                int number = guard.Number;
                ulong value = random.Next(2) == 0 ? pages.Peek(page) : pages.Find(page);
                if (guard.IsUnchanged(number) && value is not (0 or HeldPages.Elsewhere))
                {
                    (value % 10_000).ShouldBe(page);
                    Interlocked.Increment(ref seen);
                }
            }
        });
        var writes = new Random(2);
        for (int step = 1; step < 300_000 || (Volatile.Read(ref seen) < 1000 && step < 100_000_000); step++)
        {
            ulong page = (ulong)writes.Next(3000);
            guard.Enter();
            switch (writes.Next(300))
            {
                case 0:
                    pages.Clear();
                    break;
                case < 100:
                    pages.Remove(page, page + 5);
                    break;
                default:
                    pages.Set(page, ((ulong)(uint)step * 10_000) + page);
                    break;
            }

            guard.Exit();
        }

        Volatile.Write(ref isOver, true);
        reader.ShouldEnd();
        seen.ShouldBeGreaterThan(0);
    }

    /// <summary>Stale entries are stale: what is remembered is not read again because it refuses this request, or because nothing was mapped.</summary>
    [Theory]
    [InlineData(0x20005, true)]
    [InlineData(0x20003, false)]
    [InlineData(0, false)]
    public void What_refuses_is_believed_until_it_is_invalidated(ulong entry, bool isWrite)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40, cachesInvalidEntries: true);
        Put(0x10000, 0x11007);
        Put(0x11000, 0x12007);
        Put(0x12000, 0x13007);
        Put(0x13000, entry);
        Put(0x13008, 0x21007);
        var request = new DmaRequest(0, 0, isWrite);
        walker.Translate(request).IsAllowed.ShouldBeFalse();
        walker.Translate(request with { Iova = 0x1000 }).IsAllowed.ShouldBeTrue();
        long walks = walker.Walks;
        Put(0x13000, 0x20007);
        walker.Translate(request).IsAllowed.ShouldBeFalse();
        walker.Walks.ShouldBe(walks);
        walker.Invalidate(0, 0x1000, forgetsTables: false);
        walker.Translate(request).IsAllowed.ShouldBeTrue();
        walker.Walks.ShouldBe(walks + 1);

        void Put(ulong address, ulong value) => BitConverter.GetBytes(value).CopyTo(memory.CpuView.Span(address, sizeof(ulong)));
    }

    /// <summary>Some of so many groups of pages are not in their first places.</summary>
    [Fact]
    public void Each_of_many_pages_is_believed_until_it_is_invalidated()
    {
        const ulong pages = 512;
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40);
        Put(0x10000, 0x11007);
        Put(0x11000, 0x12007);
        Put(0x12000, 0x13007);
        for (ulong page = 0; page < pages; page++)
        {
            Put(0x13000 + (page * sizeof(ulong)), ((0x20 + page) << 12) | 7);
            Translate(page).ShouldBe((0x20 + page) << 12);
        }

        memory.CpuView.Span(0x13000, 0x1000).Clear();
        walker.Walks.ShouldBe((long)pages);
        for (ulong page = 0; page < pages; page++)
        {
            Translate(page).ShouldBe((0x20 + page) << 12);
        }

        walker.Walks.ShouldBe((long)pages);

        ulong Translate(ulong page) => walker.Translate(new DmaRequest(0, page << 12, IsWrite: false)).PhysicalAddress;

        void Put(ulong address, ulong value) => BitConverter.GetBytes(value).CopyTo(memory.CpuView.Span(address, sizeof(ulong)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void It_holds_no_more_pages_than_it_was_told(int capacity)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40, capacity: capacity);
        foreach (var (address, value) in ((ulong, ulong)[])[(0x10000, 0x11007), (0x11000, 0x12007), (0x12000, 0x13007)])
        {
            BitConverter.GetBytes(value).CopyTo(memory.CpuView.Span(address, sizeof(ulong)));
        }

        for (ulong page = 0; page <= (ulong)capacity; page++)
        {
            BitConverter.GetBytes(0x20007ul).CopyTo(memory.CpuView.Span(0x13000 + (8 * page), sizeof(ulong)));
            walker.Translate(new DmaRequest(0, page << 12, IsWrite: false)).IsAllowed.ShouldBeTrue();
        }

        // The last of them made it forget the others.
        walker.Walks.ShouldBe(capacity + 1);
        walker.Translate(new DmaRequest(0, 0, IsWrite: false));
        walker.Walks.ShouldBe(capacity + 2);
        Should.Throw<ArgumentOutOfRangeException>(
            () => new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40, capacity: 0)).ParamName.ShouldBe("capacity");
    }
}
