using System.Buffers;

namespace IommuKit.Dma;

/// <summary>
/// What is kept of memory that is mapped: a pin, so that it stays where it is, and copies of the parts that a device must not reach. Used again and
/// again, so that mapping allocates nothing.
/// </summary>
internal sealed class BouncedMemory
{
    private readonly BounceBuffers _owner;
    private MemoryHandle _pin;

    public BouncedMemory(BounceBuffers owner)
    {
        _owner = owner;
        Release = () => _owner.Return(this);
    }

    /// <summary>Ends it: no device can use it any more.</summary>
    public Action Release { get; }

    /// <summary>The mapping that it is of; empty between two.</summary>
    public IovaRange Range { get; set; }

    /// <summary>The copy of what comes first; of nothing if its length is 0.</summary>
    public BouncedPart Head { get; set; }

    /// <summary>The copy of what comes last.</summary>
    public BouncedPart Tail { get; set; }

    /// <summary>Has memory stay where it is.</summary>
    public void Pin(Memory<byte> memory) => _pin = memory.Pin();

    /// <summary>Has the device see what is in memory.</summary>
    public void CopyIn(ReadOnlySpan<byte> data, ulong offset, ulong length)
    {
        Head.CopyIn(data, offset, length);
        Tail.CopyIn(data, offset, length);
    }

    /// <summary>Has memory show what the device wrote.</summary>
    public void CopyOut(Span<byte> data, ulong offset, ulong length)
    {
        Head.CopyOut(data, offset, length);
        Tail.CopyOut(data, offset, length);
    }

    /// <summary>Lets memory move again, and gives the copies back.</summary>
    public void Clear()
    {
        _pin.Dispose();
        _pin = default;
        _owner.Free(Head.Slot);
        _owner.Free(Tail.Slot);
        Head = default;
        Tail = default;
        Range = default;
    }
}
