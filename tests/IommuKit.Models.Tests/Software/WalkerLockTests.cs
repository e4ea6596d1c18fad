using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.Memory;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Software;

/// <summary>What a walker remembers is looked at and changed by one thread at a time.</summary>
public sealed class WalkerLockTests : IDisposable
{
    private const int Root = 0x10000;

    private readonly PhysicalMemory _memory = new(1 << 20, isCoherent: true);
    private readonly SoftwareWalker<X86Format, CallbackMemory> _walker;
    private readonly WatchedMemory _watched;

    public WalkerLockTests()
    {
        _watched = new WatchedMemory(_memory.DeviceView);
        _walker = new SoftwareWalker<X86Format, CallbackMemory>(new CallbackMemory(_watched), Root, 48, 40);
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void An_invalidation_waits() => ShouldStop(() => _walker.Invalidate(0, 0x1000, forgetsTables: true));

    [Fact]
    public void The_loss_of_everything_waits() => ShouldStop(_walker.Evict);

    [Fact]
    public void A_look_at_what_is_remembered_waits() => ShouldStop(Translate);

    [Fact]
    public void A_walk_waits_to_remember_what_it_found() => HeldLock.ShouldStop(Lock.Enter, Lock.Exit, hold =>
    {
        _watched.BeforeRead = hold;
        Translate();
    });

    /// <summary>A page whose table is remembered is walked in a way of its own.</summary>
    [Fact]
    public void So_does_the_walk_of_a_page_whose_table_is_remembered()
    {
        ulong[] entries = [0x11007, 0x12007, 0x13007];
        for (int level = 0; level < entries.Length; level++)
        {
            BitConverter.GetBytes(entries[level]).CopyTo(_memory.CpuView.Span(Root + ((ulong)level << 12), sizeof(ulong)));
        }

        BitConverter.GetBytes(0x20007ul).CopyTo(_memory.CpuView.Span(0x13008, sizeof(ulong)));
        Translate();
        HeldLock.ShouldStop(Lock.Enter, Lock.Exit, hold =>
        {
            _watched.BeforeRead = hold;
            _walker.Translate(new DmaRequest(0, 0x1000, IsWrite: false)).IsAllowed.ShouldBeTrue();
        });
    }

    private LockOf Lock => new(_walker);

    private void ShouldStop(Action work) => HeldLock.ShouldStop(Lock.Enter, Lock.Exit, hold =>
    {
        hold();
        work();
    });

    private void Translate() => _walker.Translate(new DmaRequest(0, 0, IsWrite: false)).IsAllowed.ShouldBeFalse();

    private sealed class LockOf(SoftwareWalker<X86Format, CallbackMemory> walker)
    {
        public void Enter() => Fields<X86Format, CallbackMemory>.Lock(walker).Enter();

        public void Exit() => Fields<X86Format, CallbackMemory>.Lock(walker).Exit();
    }

    private static class Fields<TFormat, TMemory>
        where TFormat : struct, Specs.PageTables.IPageTableFormat
        where TMemory : struct, IMemoryAccessor
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_lock")]
        public static extern ref SequenceLock Lock(SoftwareWalker<TFormat, TMemory> walker);
    }

    private sealed class WatchedMemory(DeviceMemory memory) : IMemoryAccessor
    {
        public Action? BeforeRead { get; set; }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            BeforeRead?.Invoke();
            return memory.TryRead(physicalAddress, destination);
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);
    }
}
