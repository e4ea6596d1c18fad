namespace IommuKit.Dma;

/// <summary>A buffer of a <see cref="DmaPool"/>, until it is given back.</summary>
public readonly record struct DmaPoolBuffer
{
    private readonly ulong _offset;

    internal DmaPoolBuffer(DmaBuffer memory, ulong offset, int length, int number)
    {
        Memory = memory;
        _offset = offset;
        Length = length;
        Number = number;
    }

    /// <summary>The IOVA of its first byte: what the device is told.</summary>
    public ulong Iova => Memory.Iova + _offset;

    /// <summary>Bytes.</summary>
    public int Length { get; }

    /// <summary>It, as the CPU sees it.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed of.</exception>
    public Span<byte> Bytes => Memory.Span(_offset, Length);

    internal DmaBuffer Memory { get; }

    internal int Number { get; }

    /// <summary>Has the CPU see what the device wrote so far.</summary>
    public void SyncForCpu() => Memory.SyncForCpu(_offset, (ulong)Length);

    /// <summary>Has the device see what the CPU stored so far.</summary>
    public void SyncForDevice() => Memory.SyncForDevice(_offset, (ulong)Length);
}
