using System.Runtime.InteropServices;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;

namespace IommuKit.Drivers.Vtd;

/// <summary>Memory for the structures that a unit reads, and stores to it that the unit sees.</summary>
/// <param name="allocator">Where it comes from.</param>
/// <param name="cache">The CPU's cache.</param>
/// <param name="isCoherent">Whether the unit sees the CPU's stores without a clean.</param>
internal sealed class VtdStructures(PageAllocator allocator, ICpuCache cache, bool isCoherent)
{
    private const int PageShift = 12;

    /// <summary>Takes zeroed memory from an allocator.</summary>
    /// <param name="memory">The allocator.</param>
    /// <param name="log2">Log2 of the bytes; a page at the least.</param>
    /// <exception cref="IommuException">There is none (ENOMEM).</exception>
    public static ulong Allocate(PageAllocator memory, int log2) => memory.TryAllocate(Math.Max(log2, PageShift), out ulong address)
        ? address
        : throw new IommuException(IommuError.ENOMEM, "There is no memory for the structures of a VT-d unit.");

    /// <summary>Takes zeroed memory that the unit sees as such.</summary>
    /// <param name="log2">Log2 of the bytes; a page at the least.</param>
    /// <exception cref="IommuException">There is none (ENOMEM).</exception>
    public ulong Take(int log2 = PageShift)
    {
        ulong address = Allocate(allocator, log2);
        Publish(address, 1ul << Math.Max(log2, PageShift));
        return address;
    }

    /// <summary>Gives it back.</summary>
    public void Free(ulong address, int log2 = PageShift) => allocator.Free(address, Math.Max(log2, PageShift));

    /// <summary>What a word holds.</summary>
    public ulong Load(ulong address) => Word(address);

    /// <summary>Stores a word that the unit may read; the unit sees it when this returns, and before what is stored next.</summary>
    public void Store(ulong address, ulong value)
    {
        Volatile.Write(ref Word(address), value);
        Publish(address, sizeof(ulong));
    }

    /// <summary>Lets the unit see what was stored.</summary>
    public void Publish(ulong address, ulong bytes)
    {
        if (!isCoherent)
        {
            cache.Clean(address, bytes);
        }

        cache.Barrier();
    }

    private ref ulong Word(ulong address) => ref MemoryMarshal.AsRef<ulong>(allocator.Memory.Span(address, sizeof(ulong)));
}
