using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.Memory;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Software;

/// <summary>What a walker remembers, and with how many threads.</summary>
public class TagTableTests
{
    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 500)]
    [InlineData(3, 5000)]
    public void It_holds_what_a_dictionary_holds(int seed, int range)
    {
        var random = new Random(seed);
        var table = new TagTable();
        var expected = new Dictionary<ulong, (ulong, uint)>();
        for (int step = 0; step < 20_000; step++)
        {
            ulong tag = (ulong)random.Next(range) << random.Next(0, 3);
            switch (random.Next(20))
            {
                case < 14:
                    table.Set(tag, (ulong)step, (uint)step + 1);
                    expected[tag] = ((ulong)step, (uint)step + 1);
                    break;
                case < 19:
                    ulong last = tag + (ulong)random.Next(range / 4);
                    table.Remove(tag, last);
                    Forget(key => key >= tag && key <= last);
                    break;
                case 19 when random.Next(20) == 0:
                    table.Clear();
                    expected.Clear();
                    break;
                default:
                    table.RemoveWhere(tag, 3, static (key, first, divisor) => (key + first) % divisor == 0);
                    Forget(key => (key + tag) % 3 == 0);
                    break;
            }

            table.Count.ShouldBe(expected.Count);
            ulong asked = (ulong)random.Next(4 * range);
            table.TryFind(asked, out ulong address, out uint info).ShouldBe(expected.TryGetValue(asked, out var value));
            (address, info).ShouldBe(value);
            if (step % 500 == 0)
            {
                expected.Keys.ShouldAllBe(key => table.TryFind(key, out address, out info) && expected[key].Item1 == address);
            }
        }

        void Forget(Predicate<ulong> isForgotten)
        {
            foreach (ulong key in expected.Keys.Where(key => isForgotten(key)).ToArray())
            {
                expected.Remove(key);
            }
        }
    }

    [Fact]
    public void The_last_number_is_one_too()
    {
        var table = new TagTable();
        table.Set(ulong.MaxValue - 1, 5, 6);
        table.Remove(0, ulong.MaxValue - 2);
        table.TryFind(ulong.MaxValue - 1, out ulong address, out _).ShouldBeTrue();
        address.ShouldBe(5ul);
        table.Remove(ulong.MaxValue - 1, ulong.MaxValue - 1);
        table.Count.ShouldBe(0);
    }

    /// <summary>Readers take no lock: what they see must belong together nevertheless, whatever a writer does meanwhile.</summary>
    [Fact]
    public void A_reader_never_sees_half_of_a_change()
    {
        var guard = default(SequenceLock);
        var table = new TagTable();
        bool isOver = false;
        long seen = 0;
        var reader = Background.Run(() =>
        {
            var random = new Random(1);
            while (!Volatile.Read(ref isOver))
            {
                ulong tag = (ulong)random.Next(300);
                int number = guard.BeginRead();
                bool isFound = table.TryFind(tag, out ulong address, out uint info);
                if (guard.IsUnchanged(number) && isFound)
                {
                    (address % 1000, info).ShouldBe((tag, (uint)(address / 1000)));
                    Interlocked.Increment(ref seen);
                }
            }
        });
        var writes = new Random(2);
        for (int step = 1; step < 300_000 || (Volatile.Read(ref seen) < 1000 && step < 100_000_000); step++)
        {
            ulong tag = (ulong)writes.Next(300);
            guard.Enter();
            if (writes.Next(3) == 0)
            {
                table.Remove(tag, tag + 5);
            }
            else
            {
                table.Set(tag, ((ulong)(uint)step * 1000) + tag, (uint)step);
            }

            guard.Exit();
        }

        Volatile.Write(ref isOver, true);
        reader.ShouldEnd();
        seen.ShouldBeGreaterThan(0);
    }

    /// <summary>A walk that has read an entry which then goes must not be remembered after the invalidation.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_walk_read_before_an_invalidation_is_not_remembered_after_it(bool isTableRemembered)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var watched = new WatchedMemory(memory.DeviceView);
        var walker = new SoftwareWalker<X86Format, CallbackMemory>(new CallbackMemory(watched), 0x10000, 48, 40);
        Put(memory, 0x10000, 0x11007);
        Put(memory, 0x11000, 0x12007);
        Put(memory, 0x12000, 0x13007);
        Put(memory, 0x13000, 0x20007);
        if (isTableRemembered)
        {
            walker.Translate(new DmaRequest(0, 0x1000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        }

        watched.AfterRead = address =>
        {
            if (address == 0x13000)
            {
                memory.CpuView.Span(0x13000, 8).Clear();
                walker.Invalidate(0, 0x1000, forgetsTables: false);
            }
        };
        walker.Translate(new DmaRequest(0, 0, IsWrite: false)).IsAllowed.ShouldBeTrue();
        walker.Translate(new DmaRequest(0, 0, IsWrite: false)).IsAllowed.ShouldBeFalse();
    }

    /// <summary>Pointers are forgotten if they lead to some of the range, and no others.</summary>
    [Theory]
    [InlineData(0x20_0000, 0x20_0000, "old new old old")]
    [InlineData(0x20_0000, 0x20_0001, "old new new old")]
    [InlineData(0x1f_ffff, 1, "new old old old")]
    [InlineData(0x1f_ffff, 2, "new new old old")]
    [InlineData(0x60_0000, 0, "old old old new")]
    [InlineData(0, ulong.MaxValue, "new new new new")]
    public void An_invalidation_forgets_the_tables_of_its_range(ulong iova, ulong bytes, string expected)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40);
        Put(memory, 0x10000, 0x11007);
        Put(memory, 0x11000, 0x12007);
        Put(memory, 0x18000, 0x20007);
        Put(memory, 0x19000, 0x21007);
        Point(0x18007);
        Seen().ShouldBe("old old old old");
        Point(0x19007);
        walker.Invalidate(0, ulong.MaxValue, forgetsTables: false);
        Seen().ShouldBe("old old old old");
        walker.Invalidate(0, ulong.MaxValue, forgetsTables: false);
        walker.Invalidate(iova, bytes, forgetsTables: true);
        Seen().ShouldBe(expected);

        void Point(ulong pointer)
        {
            for (ulong slot = 0; slot < 4; slot++)
            {
                Put(memory, 0x12000 + (8 * slot), pointer);
            }
        }

        string Seen() => string.Join(
            ' ',
            Enumerable.Range(0, 4).Select(slot => walker.Translate(new DmaRequest(0, (ulong)slot << 21, IsWrite: false)).PhysicalAddress switch
            {
                0x20000 => "old",
                0x21000 => "new",
                _ => "none",
            }));
    }

    [Fact]
    public void Hits_misses_and_invalidations_allocate_nothing()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        foreach (var (address, entry) in ((ulong, ulong)[])[(0x10000, 0x11007), (0x11000, 0x12007), (0x12000, 0x13007), (0x13000, 0x20007), (0x13008, 0x21007)])
        {
            Put(memory, address, entry);
        }

        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40);
        Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                walker.Translate(new DmaRequest(0, 0x10, IsWrite: true));
                walker.Translate(new DmaRequest(0, 0x1010, IsWrite: true));
                walker.Translate(new DmaRequest(0, 0x2010, IsWrite: true));
                walker.Invalidate(0, 0x1000, forgetsTables: false);
                walker.Invalidate(0, 1 << 30, forgetsTables: true);
            }
        }).ShouldBe(0);
        walker.Walks.ShouldBeGreaterThan(0);
    }

    private static void Put(PhysicalMemory memory, ulong address, ulong entry) =>
        BitConverter.GetBytes(entry).CopyTo(memory.CpuView.Span(address, sizeof(ulong)));

    private sealed class WatchedMemory(DeviceMemory memory) : IMemoryAccessor
    {
        public Action<ulong>? AfterRead { get; set; }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            bool isRead = memory.TryRead(physicalAddress, destination);
            AfterRead?.Invoke(physicalAddress);
            return isRead;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);
    }
}
