using System.Runtime.CompilerServices;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;

namespace IommuKit.Drivers.Smmu3;

/// <summary>Memory for queues and tables of entries, from the allocator of page tables; and stores that hardware sees.</summary>
internal sealed class Smmu3Blocks(PageAllocator allocator, ICpuCache cache, bool cleans)
{
    private readonly List<(ulong Address, int Log2)> _blocks = [];

    /// <summary>Takes zeroed memory, aligned to its size, that hardware sees as zeros.</summary>
    /// <exception cref="IommuException">There is none (ENOMEM).</exception>
    public ulong Take(int log2)
    {
        log2 = Math.Max(log2, PageAllocator.MinBlockLog2);
        if (!allocator.TryAllocate(log2, out ulong address))
        {
            throw new IommuException(IommuError.ENOMEM, $"There are no 0x{1ul << log2:x} bytes for queues and tables of the SMMU.");
        }

        _blocks.Add((address, log2));
        Publish(address, 1ul << log2);
        return address;
    }

    /// <summary>Gives everything back.</summary>
    public void Release()
    {
        foreach (var (address, log2) in _blocks)
        {
            allocator.Free(address, log2);
        }

        _blocks.Clear();
    }

    /// <summary>Reads a quadword.</summary>
    public ulong Load(ulong address) => Volatile.Read(ref At(address));

    /// <summary>Stores a quadword at once.</summary>
    public void Store(ulong address, ulong value) => Volatile.Write(ref At(address), value);

    /// <summary>Makes stores visible to hardware before anything that follows.</summary>
    public void Publish(ulong address, ulong bytes)
    {
        if (cleans)
        {
            cache.Clean(address, bytes);
        }

        cache.Barrier();
    }

    private ref ulong At(ulong address) => ref Unsafe.As<byte, ulong>(ref allocator.Memory.At(address, sizeof(ulong)));
}
