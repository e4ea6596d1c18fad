using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Memory;

/// <summary>Safe code that uses memory wrongly gets an exception, and never another's memory.</summary>
public class MemorySafetyTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Views_end_with_their_memory(bool isCoherent)
    {
        var memory = new PhysicalMemory(MiB, isCoherent);
        var cpu = memory.CpuView;
        var device = memory.DeviceView;
        memory.Clean(0, 64);
        memory.Dispose();
        memory.Dispose();
        cpu.IsClosed.ShouldBeTrue();
        cpu.Contains(0, 1).ShouldBeFalse();
        cpu.Length.ShouldBe((ulong)MiB);
        Should.Throw<ObjectDisposedException>(() => cpu.Span(0, 16).Clear());
        Should.Throw<ObjectDisposedException>(() => cpu.At(0, 1) = 1);
        Should.Throw<ObjectDisposedException>(() => new HostBlocks(cpu, 16).At(0) = 1);
        Should.Throw<ObjectDisposedException>(() => device.TryRead(0, new byte[16]));
        Should.Throw<ObjectDisposedException>(() => device.TryWrite(0, new byte[16]));
        Should.Throw<ObjectDisposedException>(() => memory.IsDirty(0, 64));

        // A driver that is late finds nothing to do.
        memory.Clean(0, 64);
        memory.Barrier();
    }

    [Fact]
    public void A_span_from_before_does_not_reach_the_next_memory()
    {
        var memory = new PhysicalMemory(64 * MiB, isCoherent: true);
        var late = memory.CpuView.Span(0, 4096);
        late.Fill(0x5a);
        memory.Dispose();
        if (OperatingSystem.IsLinux())
        {
            // The pages are gone; what is left of them is fresh.
            late.IndexOfAnyExcept((byte)0).ShouldBe(-1);
        }

        using var next = new PhysicalMemory(64 * MiB, isCoherent: true);
        late.Fill(0x5a);
        next.CpuView.Span(0, 4096).IndexOfAnyExcept((byte)0).ShouldBe(-1);
        GC.KeepAlive(memory);
    }

    [Fact]
    public void On_Linux_a_span_may_outlive_what_it_came_from()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var span = OfCollectedMemory(out var owner);
        for (int i = 0; i < 20 && owner.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        owner.IsAlive.ShouldBeFalse();
        var others = Enumerable.Range(0, 8).Select(_ => new PhysicalMemory(MiB, isCoherent: true)).ToList();
        span.Fill(1);
        others.TrueForAll(other => other.CpuView.Span(0, 4096).IndexOfAnyExcept((byte)0) == -1).ShouldBeTrue();
        others.ForEach(other => other.Dispose());
    }

    [Fact]
    public void Disposal_in_the_middle_of_accesses_ends_in_exceptions_only()
    {
        for (int round = 0; round < 50; round++)
        {
            var memory = new PhysicalMemory(MiB, isCoherent: false);
            var view = memory.CpuView;
            using var started = new ManualResetEventSlim();
            var worker = Task.Factory.StartNew(
                () =>
                {
                    while (true)
                    {
                        view.Span(0, 4096).Fill(1);
                        memory.Clean(0, 256);
                        memory.Barrier();
                        started.Set();
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            started.Wait();
            memory.Dispose();
            Should.Throw<ObjectDisposedException>(() => worker.GetAwaiter().GetResult());
        }
    }

    [Fact]
    public unsafe void A_view_needs_bytes_that_exist()
    {
        Should.Throw<ArgumentNullException>(() => new HostMemory(null, 16, null));
        Should.Throw<ArgumentOutOfRangeException>(() => new HostMemory((void*)4096, 0, null));
        Should.Throw<ArgumentOutOfRangeException>(() => new HostMemory((void*)4096, ulong.MaxValue - 4094, null));
        new HostMemory((void*)4096, ulong.MaxValue - 4095, null).Length.ShouldBe(ulong.MaxValue - 4095);
        Should.Throw<ArgumentNullException>(() => new HostMemory(null!));
        Should.Throw<ArgumentOutOfRangeException>(() => default(HostMemory).At(0, 0));
    }

    [Fact]
    public void Pieces_have_a_size_and_lie_inside()
    {
        using var memory = new PhysicalMemory(MiB, isCoherent: true);
        Should.Throw<ArgumentOutOfRangeException>(() => new HostBlocks(memory.CpuView, 0).Contains(0));
        Should.Throw<ArgumentOutOfRangeException>(() => new HostBlocks(memory.CpuView, MiB + 1).Contains(0));
        var whole = new HostBlocks(memory.CpuView, MiB);
        (whole.Contains(0), whole.Contains(1)).ShouldBe((true, false));
        Should.Throw<ArgumentOutOfRangeException>(() => new HostBlocks(memory.CpuView, 16).At(MiB - 15) = 1);
    }

    [Fact]
    public void Two_threads_cannot_tear_a_view() =>
        System.Runtime.CompilerServices.Unsafe.SizeOf<HostMemory>().ShouldBe(IntPtr.Size);

    [Fact]
    public void A_model_refuses_what_no_hardware_is()
    {
        using var memory = new PhysicalMemory(MiB, isCoherent: true);
        TegraModelOptions[] impossible =
        [
            new() { PostedWrites = -1 },
            new() { PostedWrites = int.MaxValue },
            new() { PtcSets = 0 },
            new() { PtcSets = 3 },
            new() { PtcWays = -1 },
            new() { PtcSets = 1 << 20, PtcWays = 1 << 20 },
            new() { TlbReplacement = (CacheReplacement)77 },
            new() { WideSwgroups = null! },
            new() { TlbGroupBytes = 5 },
        ];
        foreach (var options in impossible)
        {
            Should.Throw<ArgumentException>(() => new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, memory.DeviceView, options));
        }
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static Span<byte> OfCollectedMemory(out WeakReference owner)
    {
        var memory = new PhysicalMemory(MiB, isCoherent: true);
        owner = new WeakReference(memory.CpuView.Owner);
        return memory.CpuView.Span(0, 4096);
    }
}
