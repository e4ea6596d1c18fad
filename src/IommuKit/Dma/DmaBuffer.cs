namespace IommuKit.Dma;

/// <summary>
/// Memory that the CPU and devices share, mapped until it is disposed of. Where devices do not snoop the CPU's cache, <see cref="SyncForDevice"/> and
/// <see cref="SyncForCpu"/> say who is next.
/// </summary>
public sealed class DmaBuffer : IDisposable
{
    private readonly DmaMapper _mapper;
    private readonly IDmaMemory _source;
    private readonly DmaMemory _memory;
    private readonly DmaMapping _mapping;
    private int _isClosed;

    internal DmaBuffer(DmaMapper mapper, IDmaMemory source, DmaMemory memory, DmaMapping mapping)
    {
        _mapper = mapper;
        _source = source;
        _memory = memory;
        _mapping = mapping;
    }

    /// <summary>The IOVA of its first byte: what the device is told.</summary>
    public ulong Iova => _mapping.Iova;

    /// <summary>Bytes.</summary>
    public ulong Length => _mapping.Length;

    /// <summary>The address that the domain maps: on a host it is the process's.</summary>
    public ulong PhysicalAddress => _mapping.PhysicalAddress;

    /// <summary>All of it, as the CPU sees it.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    /// <exception cref="OverflowException">It is longer than spans can be: take parts.</exception>
    public Span<byte> Bytes => Span(0, checked((int)Length));

    /// <summary>Some of its bytes, as the CPU sees them. They must not be used after <see cref="Dispose"/>.</summary>
    /// <param name="offset">The first.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not all in it.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    public Span<byte> Span(ulong offset, int length)
    {
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
        return _memory.Span(offset, length);
    }

    /// <summary>Has the CPU see what the device wrote so far.</summary>
    /// <inheritdoc cref="DmaMapper.SyncForCpu(in DmaMapping, ulong, ulong)" path="/exception"/>
    public void SyncForCpu(ulong offset, ulong length) => _mapper.SyncForCpu(_mapping, offset, length);

    /// <summary>Has the device see what the CPU stored so far.</summary>
    /// <inheritdoc cref="DmaMapper.SyncForDevice(in DmaMapping, ulong, ulong)" path="/exception"/>
    public void SyncForDevice(ulong offset, ulong length) => _mapper.SyncForDevice(_mapping, offset, length);

    /// <summary>Unmaps it. Its memory is given back when no device can use it any more.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
        {
            return;
        }

        if (_mapper.Domain.IsDisposed)
        {
            // With everything that was mapped in it.
            _source.Free(_memory);
        }
        else
        {
            _mapper.Remove(_mapping, () => _source.Free(_memory));
        }
    }
}
