using IommuKit.Specs.Memory;

namespace IommuKit.Dma;

/// <summary>Memory for devices out of a part of a machine's.</summary>
public sealed class DmaMemoryPool : IDmaMemory
{
    private readonly HostMemory _memory;
    private readonly ulong _base;
    private readonly IovaAllocator _addresses;
    private readonly Dictionary<ulong, IovaRange> _taken = [];

    /// <summary>Makes a pool of part of a memory.</summary>
    /// <param name="memory">The CPU's view of it.</param>
    /// <param name="start">The first physical address; that of the first granule of all is never used.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="granule">The smallest piece, a power of two: the granule of the domains.</param>
    /// <param name="memoryBase">The physical address of the view's first byte.</param>
    /// <exception cref="ArgumentException">The pool is not in the memory, or holds no granule.</exception>
    public DmaMemoryPool(HostMemory memory, ulong start, ulong length, ulong granule = 4096, ulong memoryBase = 0)
    {
        if (length == 0 || start < memoryBase || !memory.Contains(start - memoryBase, length))
        {
            throw new ArgumentException($"A pool of 0x{length:x} bytes at 0x{start:x} is not in memory of 0x{memory.Length:x} bytes.", nameof(length));
        }

        _memory = memory;
        _base = memoryBase;
        _addresses = new IovaAllocator(
            new IovaAllocatorOptions { Granule = granule, First = start, Last = start + (length - 1), MostCachedGranules = 0 });
    }

    /// <inheritdoc/>
    public DmaMemory Allocate(ulong size)
    {
        if (size == 0)
        {
            throw new IommuException(IommuError.EINVAL, "There is no buffer of 0 bytes.");
        }

        // Aligned to its size if there is such a place: then larger pages can be used.
        if (!_addresses.TryAllocate(size, out var range) && !_addresses.TryAllocate(size, out range, alignment: _addresses.Granule))
        {
            throw new IommuException(IommuError.ENOMEM, $"The pool has no 0x{size:x} bytes together.");
        }

        var memory = new DmaMemory(_memory, range.Iova - _base, range.Iova, range.Size);
        for (ulong at = 0; at < range.Size; at += 1 << 30)
        {
            memory.Span(at, (int)Math.Min(1 << 30, range.Size - at)).Clear();
        }

        lock (_taken)
        {
            _taken.Add(range.Iova, range);
        }

        return memory;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">It is not from here, or was given back already.</exception>
    public void Free(DmaMemory memory)
    {
        IovaRange range;
        lock (_taken)
        {
            if (!_taken.Remove(memory.PhysicalAddress, out range))
            {
                throw new ArgumentException("The memory is not from this pool, or was given back already.", nameof(memory));
            }
        }

        _addresses.Free(range);
    }
}
