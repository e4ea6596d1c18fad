using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;

namespace IommuKit.PageTables;

/// <summary>
/// Hands out zeroed blocks of physical memory for page tables, and counts what is outstanding. Nothing is allocated on the managed heap
/// after construction. Thread-safe.
/// </summary>
public sealed class PageAllocator
{
    /// <summary>Log2 of the smallest block.</summary>
    public const int PageShift = 12;

    private const int MaxBlockLog2 = 16;

    private readonly object _gate = new();
    private readonly HostMemory _memory;
    private readonly ulong _start;
    private readonly ulong _end;

    // Links of the free lists and of the lists of reserved and freed tables: for each page the number of the next one plus 1, or 0.
    // They are kept beside the pages, not in them, because a stale walker may still read a page that is on a list.
    private readonly uint[] _next;
    private readonly uint[] _free = new uint[MaxBlockLog2 + 1];
    private ulong _unused;
    private long _outstanding;

    /// <summary>Makes an allocator of the pages in part of <paramref name="memory"/>.</summary>
    /// <param name="memory">The CPU's view of system memory.</param>
    /// <param name="start">First physical address of the pool, page-aligned.</param>
    /// <param name="length">Bytes in the pool, a multiple of the page size.</param>
    /// <exception cref="ArgumentException">The pool is empty, misaligned or not inside the memory.</exception>
    public PageAllocator(HostMemory memory, ulong start, ulong length)
    {
        ulong mask = (1ul << PageShift) - 1;
        if (length == 0 || ((start | length) & mask) != 0 || !memory.Contains(start, length) || (length >> PageShift) >= uint.MaxValue)
        {
            throw new ArgumentException(
                $"A pool of 0x{length:x} bytes at 0x{start:x} is empty, misaligned or not inside memory of 0x{memory.Length:x} bytes.", nameof(length));
        }

        _memory = memory;
        _start = start;
        _end = start + length;
        _unused = start;
        _next = new uint[length >> PageShift];
    }

    /// <summary>The CPU's view of the memory that the pages are in.</summary>
    public HostMemory Memory => _memory;

    /// <summary>Blocks handed out and not given back.</summary>
    public long Outstanding => Volatile.Read(ref _outstanding);

    /// <summary>The most blocks that may be outstanding; further requests fail as if memory had run out.</summary>
    public long Limit { get; set; } = long.MaxValue;

    /// <summary>Takes a zeroed block, aligned to its size.</summary>
    /// <param name="sizeLog2">Log2 of its size; less than <see cref="PageShift"/> gives a page.</param>
    /// <param name="address">Its physical address.</param>
    /// <returns>False if the pool or the <see cref="Limit"/> is exhausted.</returns>
    public bool TryAllocate(int sizeLog2, out ulong address)
    {
        sizeLog2 = Rounded(sizeLog2);
        lock (_gate)
        {
            if (!TryTake(sizeLog2, out address))
            {
                return false;
            }
        }

        Zero(address, sizeLog2);
        return true;
    }

    /// <summary>Gives a block back.</summary>
    /// <param name="address">What <see cref="TryAllocate"/> returned.</param>
    /// <param name="sizeLog2">The size it was asked for with.</param>
    public void Free(ulong address, int sizeLog2)
    {
        lock (_gate)
        {
            Give(address, Rounded(sizeLog2));
        }
    }

    /// <summary>Takes <paramref name="count"/> blocks at once, all or none, for <see cref="Take"/>.</summary>
    internal bool TryReserve(int sizeLog2, long count, ref TableList list)
    {
        sizeLog2 = Rounded(sizeLog2);
        lock (_gate)
        {
            for (; count > 0; count--)
            {
                if (!TryTake(sizeLog2, out ulong address))
                {
                    while (TryPop(ref list, out address))
                    {
                        Give(address, sizeLog2);
                    }

                    return false;
                }

                Push(ref list, address);
            }
        }

        return true;
    }

    /// <summary>Takes a zeroed block from a reservation.</summary>
    internal ulong Take(int sizeLog2, ref TableList reserved)
    {
        if (!TryPop(ref reserved, out ulong address))
        {
            throw new InvalidOperationException("A map needs more tables than it counted.");
        }

        Zero(address, Rounded(sizeLog2));
        return address;
    }

    /// <summary>Gives back every block of a list.</summary>
    internal void FreeAll(int sizeLog2, ref TableList list)
    {
        if (list.IsEmpty)
        {
            return;
        }

        sizeLog2 = Rounded(sizeLog2);
        lock (_gate)
        {
            while (TryPop(ref list, out ulong address))
            {
                Give(address, sizeLog2);
            }
        }
    }

    /// <summary>Adds a block to a list. The caller owns both.</summary>
    internal void Push(ref TableList list, ulong address)
    {
        uint page = Number(address);
        _next[page] = list.Head;
        list.Head = page + 1;
        list.Count++;
    }

    /// <summary>Moves everything from one list to another.</summary>
    internal void Append(ref TableList target, ref TableList source)
    {
        while (TryPop(ref source, out ulong address))
        {
            Push(ref target, address);
        }
    }

    private static int Rounded(int sizeLog2)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeLog2, MaxBlockLog2);
        return Math.Max(sizeLog2, PageShift);
    }

    private bool TryPop(ref TableList list, out ulong address)
    {
        if (list.IsEmpty)
        {
            address = 0;
            return false;
        }

        uint page = list.Head - 1;
        list.Head = _next[page];
        list.Count--;
        address = _start + ((ulong)page << PageShift);
        return true;
    }

    private bool TryTake(int sizeLog2, out ulong address)
    {
        address = 0;
        if (_outstanding >= Limit)
        {
            return false;
        }

        uint head = _free[sizeLog2];
        if (head != 0)
        {
            _free[sizeLog2] = _next[head - 1];
            address = _start + ((ulong)(head - 1) << PageShift);
        }
        else
        {
            ulong size = 1ul << sizeLog2;
            ulong aligned = (_unused + size - 1) & ~(size - 1);
            if (aligned > _end || _end - aligned < size)
            {
                return false;
            }

            // What alignment skips is still good for single pages.
            for (; _unused < aligned; _unused += 1ul << PageShift)
            {
                PushFree(_unused, PageShift);
            }

            address = aligned;
            _unused = aligned + size;
        }

        _outstanding++;
        return true;
    }

    private void Give(ulong address, int sizeLog2)
    {
        PushFree(address, sizeLog2);
        _outstanding--;
    }

    private void PushFree(ulong address, int sizeLog2)
    {
        uint page = Number(address);
        _next[page] = _free[sizeLog2];
        _free[sizeLog2] = page + 1;
    }

    private uint Number(ulong address)
    {
        if (address < _start || address >= _end || BitOperations.TrailingZeroCount(address) < PageShift)
        {
            throw new ArgumentOutOfRangeException(nameof(address), $"0x{address:x} is not a page of this pool.");
        }

        return (uint)((address - _start) >> PageShift);
    }

    private void Zero(ulong address, int sizeLog2)
    {
        uint bytes = 1u << sizeLog2;
        Unsafe.InitBlockUnaligned(ref _memory.At(address, bytes), 0, bytes);
    }
}
