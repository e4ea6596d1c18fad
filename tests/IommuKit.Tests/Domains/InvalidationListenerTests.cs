using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;
using IommuKit.Sync;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Domains;

/// <summary>Listeners to invalidations: of which domain, on two threads, and what happens when it throws.</summary>
public sealed class InvalidationListenerTests : IDisposable
{
    private const ulong Page = 4096;
    private const ulong Span = 2 << 20;

    private readonly PhysicalMemory _memory = new(16 << 20, isCoherent: true);
    private readonly List<TlbInvalidation> _told = [];
    private readonly PageAllocator _allocator;
    private Func<TlbInvalidation, bool>? _fails;

    public InvalidationListenerTests() => _allocator = new PageAllocator(_memory.CpuView, 1 << 20, 8 << 20);

    public static TheoryData<SyncPolicy> Policies() => [.. Enum.GetValues<SyncPolicy>()];

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void It_is_told_the_domain()
    {
        var iommu = MakeIommu();
        using var first = iommu.CreateDomain();
        using var second = iommu.CreateDomain();
        first.Map(0, 0, Page, Protection.Read);
        second.Map(0, 0, Page, Protection.Read);

        second.Unmap(0, Page);
        first.Unmap(0, Page);

        _told.Select(gone => gone.Domain).ShouldBe([second, first]);
        _told.ShouldAllBe(gone => gone.Range == new TlbRange(0, Page, 12, ChangesTables: false));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void An_unmap_goes_to_its_end_though_the_listener_throws(SyncPolicy policy)
    {
        var domain = MakeDomain(policy);
        domain.Map(0, 0, Span + (4 * Page), Protection.Read | Protection.Write);
        domain.Flush();
        long tables = _allocator.Outstanding;
        _fails = _ => true;

        Should.Throw<TimeoutException>(() =>
        {
            domain.Unmap(0, Span + (4 * Page));
            domain.Flush();
        });

        for (ulong iova = 0; iova < Span + (4 * Page); iova += Page)
        {
            domain.TryTranslate(iova, out _).ShouldBeFalse();
        }

        // Nobody knows what the walker holds: no table may be used anew, and no IOVA.
        _allocator.Outstanding.ShouldBe(tables);
        Should.Throw<TimeoutException>(() => domain.Map(0, 0, Page, Protection.Read));
        domain.TryTranslate(0, out _).ShouldBeFalse();
        Should.Throw<TimeoutException>(domain.Dispose);

        _fails = null;
        _told.Clear();
        domain.Map(0, 0, Page, Protection.Read);
        _told[0].Range.ShouldBe(TlbRange.Everything);
        domain.TryTranslate(0, out _).ShouldBeTrue();
        domain.Dispose();
        _allocator.Outstanding.ShouldBe(0);
    }

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.PerPage)]
    public void The_rest_is_told_though_one_call_throws(SyncPolicy policy)
    {
        var domain = MakeDomain(policy);
        domain.Map(0, 0, 2 * Page, Protection.Read);
        domain.Map(Span, 0, 2 * Page, Protection.Read);
        bool isFirst = true;
        _fails = _ => isFirst && !(isFirst = false);

        Should.Throw<TimeoutException>(() => domain.Unmap(0, 2 * Page)).Message.ShouldBe("The walker does not answer.");
        domain.Unmap(Span, 2 * Page).ShouldBe(2 * Page);

        _told.Count(gone => gone.Range.IsEverything).ShouldBe(1);
        domain.Dispose();
        _allocator.Outstanding.ShouldBe(0);
    }

    [Fact]
    public void What_waits_in_the_queue_is_not_mapped_again_while_the_flush_fails()
    {
        var domain = MakeDomain(SyncPolicy.Deferred);
        domain.Map(0, 0, Page, Protection.Read);
        domain.Unmap(0, Page);
        _fails = _ => true;

        Should.Throw<TimeoutException>(() => domain.Map(0, Page, Page, Protection.Read));

        domain.TryTranslate(0, out _).ShouldBeFalse();
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_fence_or_a_cache_that_throws_leaves_nothing_half_done(SyncPolicy policy)
    {
        foreach (var failing in (FailingPart[])[FailingPart.Fence, FailingPart.Clean, FailingPart.Barrier])
        {
            var parts = new FailingParts(failing);
            var told = new List<TlbInvalidation>();
            var iommu = new SoftwareIommu<X86Format>(_allocator, new SoftwareIommuOptions
            {
                InputBits = 48,
                OutputBits = 40,
                Invalidated = told.Add,
                Fence = parts.Fence,
                Cache = parts,
            });
            var domain = iommu.CreateDomain(new DomainOptions { Policy = policy, Clock = new ManualClock() });
            domain.Map(0, 0, Span, Protection.Read);
            domain.Map(Span, 0, Page, Protection.Read);
            domain.Flush();
            long tables = _allocator.Outstanding;
            parts.Fails = true;

            Should.Throw<IOException>(() =>
            {
                domain.Unmap(0, 2 * Span);
                domain.Flush();
            });

            domain.TryTranslate(Span, out _).ShouldBeFalse();
            _allocator.Outstanding.ShouldBe(tables);
            Should.Throw<IOException>(() => domain.Map(Span, Page, Page, Protection.Read));
            domain.TryTranslate(Span, out _).ShouldBeFalse();

            parts.Fails = false;
            told.Clear();
            parts.Cleaned.Clear();
            domain.Map(Span, Page, Page, Protection.Read);
            told[0].Range.ShouldBe(TlbRange.Everything);
            if (failing == FailingPart.Clean)
            {
                parts.Cleaned[0].Bytes.ShouldBeGreaterThan(0ul);
            }

            domain.Dispose();
            _allocator.Outstanding.ShouldBe(0, $"{policy}, {failing}");
        }
    }

    [Fact]
    public void A_domain_that_is_refused_takes_no_table()
    {
        var iommu = MakeIommu();
        iommu.Dispose();

        Should.Throw<ObjectDisposedException>(() => iommu.CreateDomain());

        _allocator.Outstanding.ShouldBe(0);
    }

    [Fact]
    public void A_clock_that_throws_leaves_nothing_waiting()
    {
        var clock = new BrokenClock();
        var domain = MakeIommu().CreateDomain(new DomainOptions { Policy = SyncPolicy.Deferred, Clock = clock });
        domain.Map(0, 0, Page, Protection.Read);
        clock.IsBroken = true;

        Should.Throw<IOException>(() => domain.Unmap(0, Page));

        domain.TryTranslate(0, out _).ShouldBeFalse();
        _told.ShouldHaveSingleItem().Range.ShouldBe(TlbRange.Everything);
    }

    [Fact]
    public void A_domain_cannot_be_disposed_of_by_its_own_listener()
    {
        var domain = MakeDomain(SyncPolicy.Gather);
        domain.Map(0, 0, Page, Protection.Read);
        _fails = _ =>
        {
            domain.Dispose();
            return false;
        };

        Should.Throw<InvalidOperationException>(() => domain.Unmap(0, Page));

        _fails = null;
        domain.Dispose();
        _allocator.Outstanding.ShouldBe(0);
    }

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    [InlineData(SyncPolicy.PerPage)]
    public void An_operation_under_way_stores_into_no_table_of_another_domain(SyncPolicy policy)
    {
        const ulong theirs = 6 << 20;
        var iommu = MakeSilentIommu();
        for (int round = 0; round < 150; round++)
        {
            var first = iommu.CreateDomain(new DomainOptions { Policy = policy });
            using var isStarted = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                try
                {
                    for (ulong i = 0; ; i = (i + 1) % 64)
                    {
                        first.TryMap(i * Span, theirs, Page, Protection.Read);
                        first.TryUnmap(i * Span, Page, out _);
                        isStarted.Set();
                    }
                }
                catch (ObjectDisposedException)
                {
                    // That is how it has to end.
                }
            });
            thread.Start();
            isStarted.Wait();
            first.Dispose();
            using (var second = iommu.CreateDomain(new DomainOptions { Policy = policy }))
            {
                for (ulong i = 0; i < 8; i++)
                {
                    second.Map(i * Span, 0, Page, Protection.Read);
                }

                thread.Join();
                int pages = 0;
                for (ulong iova = 0; second.TryFindNext(iova, (64 * Span) - 1, out ulong mapped); iova = mapped + Page)
                {
                    second.IovaToPhysical(mapped).ShouldBe(0ul);
                    pages++;
                }

                pages.ShouldBe(8);
            }

            _allocator.Outstanding.ShouldBe(0);
        }
    }

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.SplitSync)]
    public void No_write_of_a_device_lands_after_the_unmap_has_returned(SyncPolicy policy)
    {
        const int rounds = 3000;
        const ulong target = 12 << 20;
        SoftwareWalker<X86Format, DeviceMemory>? walker = null;
        var iommu = new SoftwareIommu<X86Format>(_allocator, new SoftwareIommuOptions
        {
            InputBits = 48,
            OutputBits = 40,
            Invalidated = gone => walker!.Invalidate(gone.Range.Iova, gone.Range.Bytes, gone.Range.ChangesTables),
        });
        using var domain = iommu.CreateDomain(new DomainOptions { Policy = policy });
        walker = new SoftwareWalker<X86Format, DeviceMemory>(_memory.DeviceView, domain.RootAddress, 48, 40);
        var device = new DmaDevice<DeviceMemory>(walker, _memory.DeviceView, 0, 0);
        bool isOver = false;
        long writes = 0;
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() =>
        {
            byte[] data = [.. Enumerable.Repeat((byte)0xdd, 256)];
            while (!Volatile.Read(ref isOver))
            {
                writes += device.Write(0, data).IsComplete ? 1 : 0;
            }
        }));
        thread.Start();
        int late = 0;
        for (int i = 0; i < rounds; i++)
        {
            domain.Map(0, target, Page, Protection.Read | Protection.Write);
            Thread.SpinWait(i % 50);
            domain.Unmap(0, Page).ShouldBe(Page);

            // The memory is somebody else's now.
            var page = _memory.CpuView.Span(target, 256);
            page.Fill(0x11);
            Thread.SpinWait(20);
            late += page.IndexOf((byte)0xdd) >= 0 ? 1 : 0;
        }

        Volatile.Write(ref isOver, true);
        thread.Join();
        failure.ShouldBeNull();
        late.ShouldBe(0, $"of {writes} writes");
    }

    [Fact]
    public void Two_threads_may_unmap_while_devices_walk()
    {
        SoftwareWalker<X86Format, DeviceMemory>? walker = null;
        var iommu = new SoftwareIommu<X86Format>(_allocator, new SoftwareIommuOptions
        {
            InputBits = 48,
            OutputBits = 40,
            Invalidated = gone => walker!.Invalidate(gone.Range.Iova, gone.Range.Bytes, gone.Range.ChangesTables),
        });
        using var domain = iommu.CreateDomain();
        walker = new SoftwareWalker<X86Format, DeviceMemory>(_memory.DeviceView, domain.RootAddress, 48, 40);
        var failures = new Exception?[2];
        var threads = Enumerable.Range(0, 2).Select(number => new Thread(() => failures[number] = Record.Exception(() =>
        {
            var device = new DmaDevice<DeviceMemory>(walker, _memory.DeviceView, 0, 0);
            byte[] data = new byte[64];
            ulong iova = (ulong)number << 30;
            for (int i = 0; i < 3000; i++)
            {
                domain.Map(iova, 12 << 20, 4 * Page, Protection.Read | Protection.Write);
                device.Write(iova + ((ulong)(i & 3) * Page), data).IsComplete.ShouldBeTrue();
                domain.Unmap(iova, 4 * Page).ShouldBe(4 * Page);
                device.Write(iova + ((ulong)(i & 3) * Page), data).IsComplete.ShouldBeFalse();
            }
        }))).ToList();

        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        failures.ShouldAllBe(failure => failure == null);
    }

    private SoftwareIommu<X86Format> MakeIommu() => new(_allocator, new SoftwareIommuOptions
    {
        InputBits = 48,
        OutputBits = 40,
        Invalidated = gone =>
        {
            _told.Add(gone);
            if (_fails?.Invoke(gone) ?? false)
            {
                throw new TimeoutException("The walker does not answer.");
            }
        },
    });

    private PagingDomain MakeDomain(SyncPolicy policy) => MakeIommu().CreateDomain(new DomainOptions { Policy = policy, Clock = new ManualClock() });

    private SoftwareIommu<X86Format> MakeSilentIommu() =>
        new(_allocator, new SoftwareIommuOptions { InputBits = 48, OutputBits = 40, Invalidated = static _ => { } });

    private enum FailingPart
    {
        Fence,
        Clean,
        Barrier,
    }

    private sealed class FailingParts(FailingPart failing) : ICpuCache
    {
        public bool Fails { get; set; }

        public List<(ulong Address, ulong Bytes)> Cleaned { get; } = [];

        public int LineSize => 64;

        public void Clean(ulong physicalAddress, ulong length)
        {
            Fail(FailingPart.Clean);
            Cleaned.Add((physicalAddress, length));
        }

        public void Barrier() => Fail(FailingPart.Barrier);

        public void Fence() => Fail(FailingPart.Fence);

        private void Fail(FailingPart part)
        {
            if (Fails && part == failing)
            {
                throw new IOException("No.");
            }
        }
    }

    private sealed class BrokenClock : TimeProvider
    {
        public bool IsBroken { get; set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new BrokenTimer(this);
    }

    private sealed class BrokenTimer(BrokenClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => clock.IsBroken ? throw new IOException("No time.") : true;

        public void Dispose()
        {
            // It never fires.
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
