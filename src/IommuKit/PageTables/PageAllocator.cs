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
    /// <summary>Log2 of the smallest block: Arm's short descriptors have tables of 1 KiB.</summary>
    public const int MinBlockLog2 = 10;

    /// <summary>Log2 of the largest block: concatenated tables of Arm, or one table of 64 KiB pages.</summary>
    public const int MaxBlockLog2 = 18;

    // Stands for "handed out" where a link would be; log2 of the block's size is taken off.
    private const uint InUse = uint.MaxValue;
    private const uint FirstInUse = InUse - MaxBlockLog2;

    private readonly Lock _gate = new();
    private readonly HostMemory _memory;
    private readonly ulong _start;
    private readonly ulong _end;

    // Links of the free lists and of the lists of reserved and freed tables: for each block, by its first unit of the smallest size, the number
    // of the next one plus 1, or 0. They are kept beside the blocks, not in them, because a stale walker may still read a block that is on a list.
    private readonly uint[] _next;
    private readonly uint[] _free = new uint[MaxBlockLog2 + 1];

    // For each unit that starts a free block, log2 of its size; 0 for all others.
    private readonly byte[] _freeLog2;
    private ulong _unused;
    private long _outstanding;
    private long _releases;

    // Releases when free blocks were last joined.
    private long _joinedAt = -1;

    /// <summary>Makes an allocator of the blocks in part of <paramref name="memory"/>.</summary>
    /// <param name="memory">The CPU's view of system memory.</param>
    /// <param name="start">First physical address of the pool, aligned to 4 KiB.</param>
    /// <param name="length">Bytes in the pool, a multiple of 4 KiB.</param>
    /// <exception cref="ArgumentException">The pool is empty, misaligned or not inside the memory.</exception>
    public PageAllocator(HostMemory memory, ulong start, ulong length)
    {
        if (length == 0 || ((start | length) & 0xfff) != 0 || !memory.Contains(start, length) || (length >> MinBlockLog2) >= FirstInUse)
        {
            throw new ArgumentException(
                $"A pool of 0x{length:x} bytes at 0x{start:x} is empty, misaligned or not inside memory of 0x{memory.Length:x} bytes.",
                nameof(length));
        }

        _memory = memory;
        _start = start;
        _end = start + length;
        _unused = start;
        _next = new uint[length >> MinBlockLog2];
        _freeLog2 = new byte[_next.Length];
    }

    /// <summary>The CPU's view of the memory that the pages are in.</summary>
    public HostMemory Memory => _memory;

    /// <summary>The first physical address of the pool.</summary>
    internal ulong FirstAddress => _start;

    /// <summary>The last physical address of the pool.</summary>
    public ulong LastAddress => _end - 1;

    /// <summary>
    /// How many blocks were given back. A reader without a lock that finds the same number before and after knows that no block it
    /// stood in was handed out anew.
    /// </summary>
    internal long Releases => Volatile.Read(ref _releases);

    /// <summary>Blocks handed out and not given back.</summary>
    public long Outstanding => Volatile.Read(ref _outstanding);

    /// <summary>The most blocks that may be outstanding; further requests fail as if memory had run out.</summary>
    public long Limit { get; set; } = long.MaxValue;

    /// <summary>Takes a zeroed block, aligned to its size.</summary>
    /// <param name="sizeLog2">Log2 of its size; <see cref="MinBlockLog2"/> at least, <see cref="MaxBlockLog2"/> at most.</param>
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
    /// <exception cref="InvalidOperationException">The block is not handed out, or has another size.</exception>
    public void Free(ulong address, int sizeLog2)
    {
        lock (_gate)
        {
            Give(address, Rounded(sizeLog2));
        }
    }

    /// <summary>Gives several blocks of one size back.</summary>
    /// <param name="addresses">What <see cref="TryAllocate"/> returned.</param>
    /// <param name="sizeLog2">The size they were asked for with.</param>
    /// <exception cref="InvalidOperationException">One of the blocks is not handed out; those before it were given back.</exception>
    public void Free(ReadOnlySpan<ulong> addresses, int sizeLog2)
    {
        sizeLog2 = Rounded(sizeLog2);
        lock (_gate)
        {
            foreach (ulong address in addresses)
            {
                Give(address, sizeLog2);
            }
        }
    }

    /// <summary>Whether an address is that of a block of that size which is handed out, and on no list.</summary>
    internal bool IsHandedOut(ulong address, int sizeLog2) =>
        address >= _start
        && address < _end
        && BitOperations.TrailingZeroCount(address) >= MinBlockLog2
        && Volatile.Read(ref _next[(address - _start) >> MinBlockLog2]) == InUse - (uint)Rounded(sizeLog2);

    /// <summary>Gives a block back if it is handed out.</summary>
    internal void TryFree(ulong address, int sizeLog2)
    {
        lock (_gate)
        {
            if (IsHandedOut(address, sizeLog2))
            {
                Give(address, Rounded(sizeLog2));
            }
        }
    }

    /// <summary>How many blocks of a size may be outstanding at most.</summary>
    internal long Capacity(int sizeLog2) => Math.Min(Limit, (long)((_end - _start) >> Rounded(sizeLog2)));

    /// <summary>Takes <paramref name="count"/> blocks at once, all or none, for <see cref="Take"/>.</summary>
    internal bool TryReserve(int sizeLog2, long count, ref TableList list)
    {
        sizeLog2 = Rounded(sizeLog2);
        lock (_gate)
        {
            if (count > Limit - _outstanding || count > Capacity(sizeLog2))
            {
                return false;
            }

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
        uint block = Number(address);
        uint state = _next[block];
        if (state < FirstInUse)
        {
            ThrowNotInUse(address);
        }

        list.SizeLog2 = (int)(InUse - state);
        _next[block] = list.Head;
        list.Head = block + 1;
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
        return Math.Max(sizeLog2, MinBlockLog2);
    }

    private bool TryPop(ref TableList list, out ulong address)
    {
        if (list.IsEmpty)
        {
            address = 0;
            return false;
        }

        uint block = list.Head - 1;
        list.Head = _next[block];
        list.Count--;
        _next[block] = InUse - (uint)list.SizeLog2;
        address = _start + ((ulong)block << MinBlockLog2);
        return true;
    }

    private bool TryTake(int sizeLog2, out ulong address)
    {
        address = 0;
        if (_outstanding >= Limit || !(TryTakeAny(sizeLog2, out address) || (TryJoinFree() && TryTakeAny(sizeLog2, out address))))
        {
            return false;
        }

        _next[Number(address)] = InUse - (uint)sizeLog2;
        _outstanding++;
        return true;
    }

    private bool TryTakeAny(int sizeLog2, out ulong address) =>
        TryTakeFree(sizeLog2, out address) || TryTakeUnused(sizeLog2, out address) || TryTakePart(sizeLog2, out address);

    private bool TryTakeFree(int sizeLog2, out ulong address)
    {
        uint head = _free[sizeLog2];
        if (head == 0)
        {
            address = 0;
            return false;
        }

        _free[sizeLog2] = _next[head - 1];
        _freeLog2[head - 1] = 0;
        address = _start + ((ulong)(head - 1) << MinBlockLog2);
        return true;
    }

    private bool TryTakeUnused(int sizeLog2, out ulong address)
    {
        ulong size = 1ul << sizeLog2;
        address = (_unused + size - 1) & ~(size - 1);
        if (address > _end || _end - address < size)
        {
            return false;
        }

        // What alignment skips is still good for smaller blocks.
        while (_unused < address)
        {
            int skippedLog2 = Math.Min(BitOperations.TrailingZeroCount(_unused), MaxBlockLog2);
            PushFree(_unused, skippedLog2);
            _unused += 1ul << skippedLog2;
        }

        _unused = address + size;
        return true;
    }

    /// <summary>Takes the first part of a larger free block, and frees the others.</summary>
    private bool TryTakePart(int sizeLog2, out ulong address)
    {
        address = 0;
        int largerLog2 = sizeLog2 + 1;
        while (largerLog2 <= MaxBlockLog2 && !TryTakeFree(largerLog2, out address))
        {
            largerLog2++;
        }

        if (largerLog2 > MaxBlockLog2)
        {
            return false;
        }

        while (--largerLog2 >= sizeLog2)
        {
            PushFree(address + (1ul << largerLog2), largerLog2);
        }

        return true;
    }

    private void Give(ulong address, int sizeLog2)
    {
        if (_next[Number(address)] != InUse - (uint)sizeLog2)
        {
            ThrowNotInUse(address);
        }

        PushFree(address, sizeLog2);
        _outstanding--;
        Volatile.Write(ref _releases, _releases + 1);
    }

    private void PushFree(ulong address, int sizeLog2)
    {
        uint block = Number(address);
        _next[block] = _free[sizeLog2];
        _free[sizeLog2] = block + 1;
        _freeLog2[block] = (byte)sizeLog2;
    }

    /// <summary>
    /// Joins free blocks that are halves of a larger one. Nearly all blocks have the size of a table, so that this waits
    /// until a request fails for the want of it.
    /// </summary>
    /// <returns>False if nothing was given back since the last time.</returns>
    private bool TryJoinFree()
    {
        if (_joinedAt == _releases)
        {
            return false;
        }

        _joinedAt = _releases;
        ulong firstUnit = _start >> MinBlockLog2;
        for (int log2 = MinBlockLog2; log2 < MaxBlockLog2; log2++)
        {
            ulong units = 1ul << (log2 - MinBlockLog2);
            ulong first = (0 - firstUnit) & ((2 * units) - 1);
            for (ulong unit = first; unit + units < (ulong)_freeLog2.Length; unit += 2 * units)
            {
                if (_freeLog2[unit] == log2 && _freeLog2[unit + units] == log2)
                {
                    _freeLog2[unit] = (byte)(log2 + 1);
                    _freeLog2[unit + units] = 0;
                }
            }
        }

        Array.Clear(_free);
        for (int unit = _freeLog2.Length - 1; unit >= 0; unit--)
        {
            if (_freeLog2[unit] != 0)
            {
                PushFree(_start + ((ulong)(uint)unit << MinBlockLog2), _freeLog2[unit]);
            }
        }

        return true;
    }

    private static void ThrowNotInUse(ulong address) =>
        throw new InvalidOperationException($"The block at 0x{address:x} is not handed out, or has another size.");

    private uint Number(ulong address)
    {
        if (address < _start || address >= _end || BitOperations.TrailingZeroCount(address) < MinBlockLog2)
        {
            throw new ArgumentOutOfRangeException(nameof(address), $"0x{address:x} is not a block of this pool.");
        }

        return (uint)((address - _start) >> MinBlockLog2);
    }

    private void Zero(ulong address, int sizeLog2)
    {
        uint bytes = 1u << sizeLog2;
        Unsafe.InitBlockUnaligned(ref _memory.At(address, bytes), 0, bytes);
    }
}
