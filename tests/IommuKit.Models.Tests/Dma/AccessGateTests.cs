using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Dma;

/// <summary>An invalidation is complete when the accesses that began before it are.</summary>
public sealed class AccessGateTests
{
    [Fact]
    public void It_waits_for_an_access_that_is_under_way_and_not_for_one_that_begins_later()
    {
        var gate = new AccessGate();
        Background drain;
        using (gate.Enter())
        {
            drain = Background.Run(gate.Drain);
            drain.ShouldWait();
        }

        drain.ShouldEnd();
        using var later = gate.Enter();
        Background.Run(() =>
        {
            using var access = gate.Enter();
        }).ShouldEnd();
    }

    [Fact]
    public void Nested_accesses_are_one()
    {
        var gate = new AccessGate();
        Background drain;
        using (gate.Enter())
        {
            using (gate.Enter())
            {
            }

            drain = Background.Run(gate.Drain);
            drain.ShouldWait();
        }

        drain.ShouldEnd();
    }

    [Fact]
    public void A_thread_does_not_wait_for_itself()
    {
        var gate = new AccessGate();
        using var access = gate.Enter();
        gate.Drain();

        // And others still wait for it.
        Background.Run(gate.Drain).ShouldWait();
    }

    [Fact]
    public void Two_threads_in_the_middle_of_accesses_do_not_wait_for_each_other()
    {
        var gate = new AccessGate();
        using var both = new Barrier(2);
        var threads = Enumerable.Range(0, 2).Select(_ => Background.Run(() =>
        {
            using var access = gate.Enter();
            both.SignalAndWait();
            gate.Drain();
        })).ToList();

        threads.ForEach(thread => thread.ShouldEnd());
    }

    [Fact]
    public void Gates_of_two_models_do_not_know_each_other()
    {
        var first = new AccessGate();
        var second = new AccessGate();
        using var one = first.Enter();
        using (second.Enter())
        {
        }

        Background.Run(second.Drain).ShouldEnd();
        Background.Run(first.Drain).ShouldWait();
    }

    [Fact]
    public void Threads_in_accesses_of_two_gates_do_not_wait_for_each_other()
    {
        var first = new AccessGate();
        var second = new AccessGate();
        using var both = new Barrier(2);
        Background[] threads =
        [
            Background.Run(() => DrainWithin(first, second, both)),
            Background.Run(() => DrainWithin(second, first, both)),
        ];

        Array.ForEach(threads, thread => thread.ShouldEnd());

        static void DrainWithin(AccessGate entered, AccessGate drained, Barrier both)
        {
            using var access = entered.Enter();
            both.SignalAndWait();
            drained.Drain();
        }
    }

    [Fact]
    public void A_lease_ends_once()
    {
        var gate = new AccessGate();
        var lease = gate.Enter();
        lease.Dispose();
        lease.Dispose();
        using (gate.Enter())
        {
            lease.Dispose();
            Background.Run(gate.Drain).ShouldWait();
        }

        var outer = gate.Enter();
        var inner = gate.Enter();
        inner.Dispose();
        inner.Dispose();
        var drain = Background.Run(gate.Drain);
        drain.ShouldWait();
        outer.Dispose();
        drain.ShouldEnd();
    }

    [Fact]
    public void An_access_whose_thread_ended_is_not_waited_for_for_ever()
    {
        var gate = new AccessGate();
        Background.Run(() =>
        {
            _ = gate.Enter();
        }).ShouldEnd();

        Background.Run(gate.Drain).ShouldEnd();
    }

    [Fact]
    public void What_waits_for_the_end_of_an_access_is_done_then_and_once()
    {
        var gate = new AccessGate();
        int done = 0;
        void Count() => done++;
        gate.WhenEnded(Count);
        done.ShouldBe(1);
        Action count = Count;
        using (gate.Enter())
        {
            using (gate.Enter())
            {
                gate.WhenEnded(count);
                gate.WhenEnded(count);
            }

            done.ShouldBe(1);
        }

        done.ShouldBe(2);
        gate.Enter().Dispose();
        done.ShouldBe(2);
    }

    [Fact]
    public void Threads_that_ended_are_not_waited_for()
    {
        var gate = new AccessGate();
        for (int i = 0; i < 20; i++)
        {
            Background.Run(() =>
            {
                using var access = gate.Enter();
            }).ShouldEnd();
        }

        gate.Drain();
        using var own = gate.Enter();
        gate.Drain();
    }

    [Fact]
    public void Accesses_do_not_allocate()
    {
        var gate = new AccessGate();
        Allocated.By(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                using var access = gate.Enter();
            }
        }).ShouldBe(0);
    }

    [Fact]
    public void An_invalidation_of_the_walker_waits_for_a_write_of_a_device()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var slow = new SlowMemory(memory.DeviceView);
        MapFirstPage(memory);
        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, 0x10000, 48, 40);
        var device = new DmaDevice<CallbackMemory>(walker, new CallbackMemory(slow), 0, 0);
        Background? invalidation = null;
        slow.DuringWrite = () =>
        {
            memory.CpuView.Span(0x13000, 8).Clear();
            invalidation = Background.Run(() => walker.Invalidate(0, 0x1000, forgetsTables: false));

            // Only when the walker has forgotten can it be told from one that has not begun.
            SpinWait.SpinUntil(() => !walker.Translate(new DmaRequest(0, 0, IsWrite: false)).IsAllowed, TimeSpan.FromMinutes(2)).ShouldBeTrue();
            invalidation.ShouldWait();
        };

        device.Write(0, [1]).IsComplete.ShouldBeTrue();
        invalidation!.ShouldEnd();
        memory.CpuView.Span(0x20000, 1)[0].ShouldBe((byte)1);
    }

    [Fact]
    public void Memory_may_make_an_invalidation_in_the_middle_of_an_access_and_of_a_walk()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        MapFirstPage(memory);
        var slow = new SlowMemory(memory.DeviceView);
        var walker = new SoftwareWalker<X86Format, CallbackMemory>(new CallbackMemory(slow), 0x10000, 48, 40);
        var device = new DmaDevice<CallbackMemory>(walker, new CallbackMemory(slow), 0, 0);
        slow.DuringWrite = () => walker.Invalidate(0, 0x1000, forgetsTables: true);
        slow.AfterRead = address =>
        {
            if (address == 0x13000)
            {
                // The page goes while the walk has its entry in hand.
                memory.CpuView.Span(0x13000, 8).Clear();
                walker.Invalidate(0, 0x1000, forgetsTables: false);
            }
        };

        device.Write(0, [1]).IsComplete.ShouldBeTrue();
        device.Write(0, [1]).IsComplete.ShouldBeFalse();
    }

    [Fact]
    public void All_that_is_asked_for_is_done_at_the_end_each_once()
    {
        var gate = new AccessGate();
        var done = new List<string>();
        Action first = () => done.Add("first");
        Action second = () => throw new InvalidOperationException("second");
        Action third = () => done.Add("third");

        Should.Throw<InvalidOperationException>(() =>
        {
            using var access = gate.Enter();
            gate.WhenEnded(first);
            gate.WhenEnded(second);
            gate.WhenEnded(third);
            gate.WhenEnded(first);
            done.ShouldBeEmpty();
        }).Message.ShouldBe("second");

        done.ShouldBe(["first", "third"]);
    }

    [Theory]
    [InlineData(0x1000, 0)]
    [InlineData(0x2000, 0x1000)]
    [InlineData(0, 0x1000)]
    public void An_answer_that_does_not_cover_what_was_asked_for_is_refused(ulong iova, ulong length)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var device = new DmaDevice<DeviceMemory>(new Fixed(new Translation(true, iova, length, 0x1000, Protection.Read)), memory.DeviceView, 0, 0);

        Should.Throw<InvalidOperationException>(() => device.Write(0x1000, [1]));
        Should.Throw<InvalidOperationException>(() => device.Read(0x1000, new byte[1]));
    }

    [Fact]
    public void A_transfer_ends_at_the_last_iova()
    {
        const ulong lastPage = ulong.MaxValue - 0xfff;
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var protection = Protection.Read | Protection.Write;
        var device = new DmaDevice<DeviceMemory>(new Fixed(new Translation(true, lastPage, 0x1000, 0x1000, protection)), memory.DeviceView, 0, 0);

        device.Write(lastPage + 0xffe, [1, 2]).ShouldBe(new DmaResult(IsComplete: true, 2));
        device.Write(lastPage + 0xffe, [1, 2, 3]).ShouldBe(new DmaResult(IsComplete: false, 2));
        device.Read(lastPage + 0xffe, new byte[3]).ShouldBe(new DmaResult(IsComplete: false, 2));
    }

    private static void MapFirstPage(PhysicalMemory memory)
    {
        Put(memory, 0x10000, 0x11007);
        Put(memory, 0x11000, 0x12007);
        Put(memory, 0x12000, 0x13007);
        Put(memory, 0x13000, 0x20007);
    }

    private static void Put(PhysicalMemory memory, ulong address, ulong entry) =>
        BitConverter.GetBytes(entry).CopyTo(memory.CpuView.Span(address, sizeof(ulong)));

    private sealed class Fixed(Translation answer) : IIommuModel
    {
        public AccessGate Accesses { get; } = new();

        public Translation Translate(in DmaRequest request) => answer;

        public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
        {
        }
    }

    private sealed class SlowMemory(DeviceMemory memory) : IMemoryAccessor
    {
        public Action? DuringWrite { get; set; }

        public Action<ulong>? AfterRead { get; set; }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            bool isRead = memory.TryRead(physicalAddress, destination);
            AfterRead?.Invoke(physicalAddress);
            return isRead;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
        {
            DuringWrite?.Invoke();
            return memory.TryWrite(physicalAddress, source);
        }
    }
}
