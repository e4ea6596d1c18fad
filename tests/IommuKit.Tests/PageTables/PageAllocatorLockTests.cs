using System.Runtime.CompilerServices;
using IommuKit.Models.Memory;
using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Free blocks and their number change together.</summary>
public sealed class PageAllocatorLockTests : IDisposable
{
    private const int Page = 12;

    private readonly PhysicalMemory _memory = new(1 << 20, isCoherent: true);
    private readonly PageAllocator _allocator;

    public PageAllocatorLockTests() => _allocator = new PageAllocator(_memory.CpuView, 0, 1 << 20);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Taking_a_block_waits() => ShouldStop(() => _allocator.TryAllocate(Page, out _).ShouldBeTrue());

    [Fact]
    public void Giving_a_block_back_waits()
    {
        _allocator.TryAllocate(Page, out ulong block).ShouldBeTrue();
        ShouldStop(() => _allocator.Free(block, Page));
    }

    [Fact]
    public void Giving_blocks_back_waits()
    {
        _allocator.TryAllocate(Page, out ulong block).ShouldBeTrue();
        ShouldStop(() => _allocator.Free([block], Page));
    }

    [Fact]
    public void Giving_back_what_may_be_given_back_already_waits() => ShouldStop(() => _allocator.TryFree(0, Page));

    [Fact]
    public void A_reservation_waits() => ShouldStop(() =>
    {
        TableList list = default;
        _allocator.TryReserve(Page, 1, ref list).ShouldBeTrue();
    });

    [Fact]
    public void The_end_of_a_list_waits()
    {
        TableList list = default;
        _allocator.TryReserve(Page, 2, ref list).ShouldBeTrue();
        ShouldStop(() => _allocator.FreeAll(Page, ref list));
    }

    private void ShouldStop(Action work) => HeldLock.ShouldStop(Gate(_allocator), work);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
    private static extern ref Lock Gate(PageAllocator allocator);
}
