namespace IommuKit.Dma;

/// <summary>
/// Buffers of one size that stay mapped: to take one and to give it back is all there is to a transfer. No IOVA is chosen, nothing mapped, nothing
/// flushed, nothing allocated. Any number of threads may use it at once.
/// </summary>
/// <remarks>A device can reach all buffers at all times: what it must not see of other transfers does not belong in the same pool.</remarks>
public sealed class DmaPool : IDisposable
{
    private const int Alignment = 64;

    private readonly DmaBuffer _memory;
    private readonly ulong _stride;
    private readonly int[] _next;

    // The first free buffer's number plus 1 below, how often it changed above, so that who was interrupted sees that it is another.
    private ulong _head;

    /// <summary>Makes a pool: takes the memory, and maps it in one call.</summary>
    /// <param name="mapper">The mapper.</param>
    /// <param name="count">How many buffers, at least 1.</param>
    /// <param name="size">Bytes of each, at least 1. They begin at multiples of 64.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <exception cref="IommuException">There is no memory (ENOMEM), or no place (ENOSPC).</exception>
    public DmaPool(DmaMapper mapper, int count, int size, DmaDirection direction = DmaDirection.Bidirectional)
    {
        ArgumentNullException.ThrowIfNull(mapper);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        BufferSize = size;
        _stride = ((ulong)size + Alignment - 1) & ~(ulong)(Alignment - 1);
        _memory = mapper.CreateBuffer(_stride * (ulong)count, direction);
        _next = [.. Enumerable.Range(2, count - 1), 0];
        _head = 1;
    }

    /// <summary>Bytes of a buffer.</summary>
    public int BufferSize { get; }

    /// <summary>How many buffers there are, free or not.</summary>
    public int Count => _next.Length;

    /// <summary>Takes a buffer.</summary>
    /// <param name="buffer">It; what the last one left in it is still there.</param>
    /// <returns>False if none is free.</returns>
    public bool TryRent(out DmaPoolBuffer buffer)
    {
        while (true)
        {
            ulong head = Volatile.Read(ref _head);
            int number = (int)(uint)head - 1;
            if (number < 0)
            {
                buffer = default;
                return false;
            }

            ulong next = (uint)Volatile.Read(ref _next[number]) | ((head >> 32) + 1) << 32;
            if (Interlocked.CompareExchange(ref _head, next, head) == head)
            {
                // Stands for "taken", so that it cannot be given back twice.
                Volatile.Write(ref _next[number], -1);
                buffer = new DmaPoolBuffer(_memory, _stride * (ulong)number, BufferSize, number);
                return true;
            }
        }
    }

    /// <summary>Gives a buffer back. No device may be at work on it.</summary>
    /// <exception cref="ArgumentException">It is not from this pool, or was given back already.</exception>
    public void Return(DmaPoolBuffer buffer)
    {
        if (buffer.Memory != _memory || Interlocked.CompareExchange(ref _next[buffer.Number], 0, -1) != -1)
        {
            throw new ArgumentException("The buffer is not from this pool, or was given back already.", nameof(buffer));
        }

        ulong head;
        ulong next;
        do
        {
            head = Volatile.Read(ref _head);
            Volatile.Write(ref _next[buffer.Number], (int)(uint)head);
            next = (uint)(buffer.Number + 1) | ((head >> 32) + 1) << 32;
        }
        while (Interlocked.CompareExchange(ref _head, next, head) != head);
    }

    /// <summary>Unmaps all buffers, and gives their memory back.</summary>
    public void Dispose() => _memory.Dispose();
}
