using System.Runtime.CompilerServices;
using IommuKit.Models.Memory;

namespace IommuKit.Models.Tests.Memory;

/// <summary>Lines under way are one list, which every operation that looks at it locks.</summary>
public sealed class PhysicalMemoryLockTests : IDisposable
{
    private readonly PhysicalMemory _memory = new(1 << 20, isCoherent: false);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void A_clean_waits() => ShouldStop(() => _memory.Clean(0, 64));

    [Fact]
    public void A_barrier_waits() => ShouldStop(_memory.Barrier);

    [Fact]
    public void A_write_back_waits() => ShouldStop(() => _memory.WriteBack(0, 64));

    [Fact]
    public void An_invalidation_waits() => ShouldStop(() => _memory.Invalidate(0, 64));

    [Fact]
    public void A_write_of_a_device_waits() => ShouldStop(() => _memory.DeviceView.TryWrite(0, [1]).ShouldBeTrue());

    [Fact]
    public void The_end_of_the_memory_waits() => ShouldStop(_memory.Dispose);

    private void ShouldStop(Action work) => HeldLock.ShouldStop(Gate(_memory), work);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
    private static extern ref Lock Gate(PhysicalMemory memory);
}
