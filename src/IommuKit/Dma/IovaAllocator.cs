using System.Numerics;

namespace IommuKit.Dma;

/// <summary>
/// Hands out IOVAs, from the top down and aligned. Any number of threads may use it at once.
/// </summary>
/// <remarks>
/// <para>Free ranges are in a balanced tree, in which an allocation and a return take O(log n) steps of n free ranges, however full or fragmented the
/// space is. Small sizes come from caches of the threads first, and return to them. A return of any size waits for no lock that all share: if the
/// tree's is taken, its holder does the work. Nothing is allocated once the space was as fragmented before as it is now.</para>
/// <para>A place is found wherever a free range has room for the size and the alignment together, or for a block that is aligned to its size. In a
/// free range that fits only just, and by neither, it is not.</para>
/// <para>An IOVA may be given out again as soon as it was given back: under a policy that flushes later, give it back when the flush is done
/// (<c>DomainOptions.UnmapFlushed</c>).</para>
/// </remarks>
public sealed class IovaAllocator
{
    private const int MostBatch = 128;

    // Entries of eight bytes in a line of 64.
    private const int EntriesPerLineLog2 = 3;
    private const int EntriesPerLine = 1 << EntriesPerLineLog2;

    // 4 GiB of pages of 4 KiB, less one.
    private const ulong ManyGranules = (1 << 20) - 1;
    private const int LargestCached = 1 << 16;
    private const int MostRanges = 1 << 16;

    // Threads take caches in turn; there are more caches than processors, so that two that run at once seldom share one.
    private static int s_threads;

    [ThreadStatic]
    private static int t_thread;

    private readonly Lock _gate = new();
    private readonly int _shift;
    private readonly ulong _last;
    private readonly ulong _mostCached;
    private readonly RangeNodes _nodes = new();
    private readonly IovaSpace _space;
    private readonly IovaCache[] _caches;
    private readonly IovaCache _depot;
    private readonly int _orders;
    private readonly int _batch;
    private readonly List<(ulong First, ulong Last)> _reserved = [];
    private int _pending;
    private long _pendingCount;
    private long _contentions;
    private long _searches;
    private long _drains;

    /// <summary>Makes one of which nothing is handed out.</summary>
    /// <param name="options">How; null for the usual.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public IovaAllocator(IovaAllocatorOptions? options = null)
    {
        options ??= new IovaAllocatorOptions();
        Check(BitOperations.IsPow2(options.Granule), nameof(options), "The granule is not a power of two.");
        Check(
            options.MostCachedGranules is >= 0 and <= LargestCached
                && (options.MostCachedGranules == 0 || BitOperations.IsPow2(options.MostCachedGranules)),
            nameof(options),
            "The largest cached size is neither 0 nor a power of two up to 65,536.");
        Check(options.CachedRanges is >= 2 and <= MostRanges, nameof(options), "A cache holds 2 to 65,536 ranges.");
        _shift = BitOperations.Log2(options.Granule);
        ulong mask = options.Granule - 1;
        ulong first = Math.Max(1, (options.First >> _shift) + ((options.First & mask) == 0 ? 0ul : 1));
        ulong end = options.Last == ulong.MaxValue ? ulong.MaxValue >> _shift : (options.Last + 1) >> _shift;
        Check(end > first, nameof(options), "There is not one whole granule between the first IOVA and the last.");
        _last = end - 1;
        _mostCached = (ulong)options.MostCachedGranules;
        _orders = _mostCached == 0 ? 0 : BitOperations.Log2(_mostCached) + 1;
        _batch = Math.Min(MostBatch, options.CachedRanges / 2);
        _space = new IovaSpace(_nodes, first, _last);
        int caches = (int)BitOperations.RoundUpToPowerOf2(2 * (uint)Environment.ProcessorCount);
        _caches = [.. Enumerable.Range(0, caches).Select(_ => new IovaCache(_nodes, _orders, options.CachedRanges))];
        _depot = new IovaCache(_nodes, _orders, Math.Min(MostRanges, options.CachedRanges * caches));
    }

    /// <summary>The smallest piece in bytes.</summary>
    public ulong Granule => 1ul << _shift;

    /// <summary>The largest size in bytes that is fast, because caches keep it; 0 if there are none.</summary>
    public ulong OptimalSize => _mostCached << _shift;

    /// <summary>The space behind the caches, for tests.</summary>
    internal IovaSpace Space => _space;

    /// <summary>The lock of the space, for tests.</summary>
    internal Lock Gate => _gate;

    /// <summary>How it has fared. The numbers are of no one moment while others use it.</summary>
    public IovaStatistics Statistics
    {
        get
        {
            long contentions = Volatile.Read(ref _contentions) + _depot.Contentions;
            long cached = _depot.Count;
            long bytes = _nodes.Bytes + _depot.Bytes;
            foreach (var cache in _caches)
            {
                contentions += cache.Contentions;
                cached += cache.Count;
                bytes += cache.Bytes;
            }

            return new IovaStatistics(
                Volatile.Read(ref _searches), _space.Free.Steps, contentions, Volatile.Read(ref _drains), cached, Volatile.Read(ref _pendingCount), bytes);
        }
    }

    /// <summary>Hands out IOVAs.</summary>
    /// <param name="size">Bytes, at least 1; whole granules are handed out.</param>
    /// <param name="last">The last IOVA that may be used: a device's mask.</param>
    /// <param name="alignment">A power of two of bytes; 0 for that from the size on.</param>
    /// <param name="offset">
    /// What the IOVA is beyond a multiple of the alignment, in whole granules: with an alignment of 2 MiB and the low bits of the physical address,
    /// the domain can use pages of 2 MiB.
    /// </param>
    /// <exception cref="IommuException">ENOSPC: there is no such place.</exception>
    /// <exception cref="ArgumentException">The size is 0, or alignment and offset are none.</exception>
    public IovaRange Allocate(ulong size, ulong last = ulong.MaxValue, ulong alignment = 0, ulong offset = 0) =>
        TryAllocate(size, out var range, last, alignment, offset)
            ? range
            : throw new IommuException(IommuError.ENOSPC, "No free range of IOVAs is large enough.");

    /// <summary>Hands out IOVAs, as <see cref="Allocate"/>.</summary>
    /// <param name="size">Bytes, at least 1.</param>
    /// <param name="range">They.</param>
    /// <param name="last">The last IOVA that may be used.</param>
    /// <param name="alignment">A power of two of bytes; 0 for that from the size on.</param>
    /// <param name="offset">What the IOVA is beyond a multiple of the alignment.</param>
    /// <returns>False if there is no such place.</returns>
    /// <exception cref="ArgumentException">The size is 0, or alignment and offset are none.</exception>
    public bool TryAllocate(ulong size, out IovaRange range, ulong last = ulong.MaxValue, ulong alignment = 0, ulong offset = 0)
    {
        if (size == 0)
        {
            throw new ArgumentException("The size is 0.", nameof(size));
        }

        ulong granules = ((size - 1) >> _shift) + 1;
        ulong end = last == ulong.MaxValue ? _last + 1 : Math.Min(_last + 1, (last + 1) >> _shift);
        int index = 0;
        if (end != 0)
        {
            index = granules <= _mostCached && alignment == 0
                ? AllocateSmall(granules, end - 1)
                : AllocateLarge(granules, alignment, offset, end - 1);
        }

        if (index == 0)
        {
            range = default;
            return false;
        }

        ref var node = ref _nodes[index];
        range = new IovaRange(node.Start << _shift, granules << _shift, index, Volatile.Read(ref node.Generation));
        return true;
    }

    /// <summary>Takes IOVAs back, of any size; it never fails for want of memory, and waits for no lock that all share.</summary>
    /// <exception cref="ArgumentException">They were not handed out here, or were given back already.</exception>
    public void Free(IovaRange range)
    {
        if (!TryRetire(range))
        {
            throw Stranger(nameof(range));
        }

        int index = range.Node;
        int order = CachedOrder(index);
        if (order < 0)
        {
            Push(index, index, 1);
            TryDrainPending();
        }
        else if (!OwnCache().TryPut(order, index))
        {
            MakeRoom(order, index);
        }
    }

    /// <summary>The first half of <see cref="Free"/>: the range is good for no more, and its IOVAs are nobody else's until <see cref="Return"/>.</summary>
    /// <returns>False if it was not handed out here, or was given back already.</returns>
    internal bool TryRetire(IovaRange range)
    {
        if (!_nodes.Has(range.Node))
        {
            return false;
        }

        ref var node = ref _nodes[range.Node];
        return node.Start << _shift == range.Iova
            && Interlocked.CompareExchange(ref node.Generation, unchecked(range.Generation + 1), range.Generation) == range.Generation;
    }

    /// <summary>Undoes <see cref="TryRetire"/>: the range is good again.</summary>
    internal void TakeBack(IovaRange range) => Volatile.Write(ref _nodes[range.Node].Generation, range.Generation);

    /// <summary>The second half of <see cref="Free"/>, of many at once: those that follow each other and are of one size are one step.</summary>
    /// <param name="indices">The nodes of ranges that <see cref="TryRetire"/> took.</param>
    internal void Return(ReadOnlySpan<int> indices)
    {
        while (!indices.IsEmpty)
        {
            int order = CachedOrder(indices[0]);
            int count = 1;
            while (count < indices.Length && CachedOrder(indices[count]) == order)
            {
                count++;
            }

            var some = indices[..count];
            indices = indices[count..];
            if (order >= 0)
            {
                some = some[OwnCache().Put(order, some)..];
                some = some.IsEmpty ? some : some[_depot.Put(order, some)..];
            }

            if (!some.IsEmpty)
            {
                PushAll(some);
                TryDrainPending();
            }
        }
    }

    /// <summary>Whether a range is handed out now, and not a former one of the same IOVAs.</summary>
    internal bool IsHandedOut(IovaRange range) =>
        _nodes.Has(range.Node)
        && _nodes[range.Node].Start << _shift == range.Iova
        && Volatile.Read(ref _nodes[range.Node].Generation) == range.Generation;

    /// <summary>Keeps IOVAs from being handed out for good: windows of bridges and interrupts. What is reserved already may be in it.</summary>
    /// <param name="first">The first.</param>
    /// <param name="last">The last. Both are widened to whole granules; what is beyond the ends of the space is no matter.</param>
    /// <exception cref="IommuException">EBUSY: some of it is handed out. ENOMEM: there are too many ranges.</exception>
    public void Reserve(ulong first, ulong last)
    {
        Check(first <= last, nameof(last), "The last IOVA lies in front of the first.");
        ulong from = first >> _shift;
        ulong to = Math.Min(last >> _shift, _last);
        Trim();
        Enter();
        try
        {
            ulong held = 0;
            foreach (var (start, end) in _reserved)
            {
                held += start > to || end < from ? 0 : Math.Min(end, to) - Math.Max(start, from) + 1;
            }

            ulong inSpace = CountInSpace(from, to);
            if (_space.CountFree(from, to) + held < inSpace)
            {
                throw new IommuException(IommuError.EBUSY, "Some of these IOVAs are handed out.");
            }

            while (_space.TakeFree(from, to) is not 0 and int index)
            {
                ref var node = ref _nodes[index];
                _reserved.Add((node.Start, node.Start + (node.Length - 1)));
            }

            if (_space.CountFree(from, to) != 0)
            {
                throw new IommuException(IommuError.ENOMEM, "There are too many ranges.");
            }
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Empties all caches, so that what they hold can be handed out in any size.</summary>
    public void Trim()
    {
        Span<int> indices = stackalloc int[MostBatch];
        for (int order = 0; order < _orders; order++)
        {
            Empty(_depot, order, indices);
            foreach (var cache in _caches)
            {
                Empty(cache, order, indices);
            }
        }

        Enter();
        Exit();
    }

    private static void Check(bool isGood, string name, string problem)
    {
        if (!isGood)
        {
            throw new ArgumentException(problem, name);
        }
    }

    private static ArgumentException Stranger(string name) =>
        new("The IOVAs were not handed out by this allocator, or were given back already.", name);

    private static int NumberThread() => t_thread = Interlocked.Increment(ref s_threads) | int.MinValue;

    /// <summary>Log2 of the granules of a range that caches keep; -1 of one that they do not.</summary>
    private int CachedOrder(int index)
    {
        ref var node = ref _nodes[index];
        ulong length = node.Length;
        return length <= _mostCached && BitOperations.IsPow2(length) && (node.Start & (length - 1)) == 0 ? BitOperations.Log2(length) : -1;
    }

    private IovaCache OwnCache()
    {
        int thread = t_thread;
        return _caches[(thread != 0 ? thread : NumberThread()) & (_caches.Length - 1)];
    }

    private ulong CountInSpace(ulong from, ulong to)
    {
        ulong first = Math.Max(from, _space.First);
        return first > to ? 0 : to - first + 1;
    }

    private int AllocateSmall(ulong granules, ulong last)
    {
        // Rounded, so that any size of the class can be handed out again as any other of it.
        int order = BitOperations.Log2(granules) + (BitOperations.IsPow2(granules) ? 0 : 1);
        int index = OwnCache().Take(order, last);
        if (index == 0 && _depot.Count != 0)
        {
            index = Refill(order, last);
        }

        return index != 0 ? index : SearchWithNeighbours(order, last);
    }

    /// <summary>
    /// Searches for a small range, and has what follows it downwards, as far as a cache line of a page table goes, in the thread's cache: threads that
    /// map one page each at the same time would store to the same lines else.
    /// </summary>
    private int SearchWithNeighbours(int order, ulong last)
    {
        ulong length = 1ul << order;
        int index = SearchTree(length, length, 0, last);
        if (index == 0)
        {
            return Search(length, length, 0, last);
        }

        Span<int> neighbours = stackalloc int[EntriesPerLine - 1];
        int count = 0;
        ulong line = LineOf(index, order);
        Enter();
        try
        {
            // Of a device that reaches little nothing is taken that another one might use up.
            int most = last >= ManyGranules ? neighbours.Length : 0;
            while (count < most && _space.Take(length, length, 0, last) is not 0 and int next)
            {
                if (LineOf(next, order) != line)
                {
                    _space.Return(next);
                    break;
                }

                neighbours[count++] = next;
            }
        }
        finally
        {
            Exit();
        }

        // The next lower one comes next.
        neighbours[..count].Reverse();
        PushAll(neighbours[OwnCache().Put(order, neighbours[..count])..count]);
        return index;
    }

    private ulong LineOf(int index, int order) => _nodes[index].Start >> order >> EntriesPerLineLog2;

    /// <summary>Has a part of the depot in an empty cache, and takes one of it. Apart, because buffers on the stack are cleared at the start.</summary>
    private int Refill(int order, ulong last)
    {
        Span<int> indices = stackalloc int[MostBatch];
        int count = _depot.Take(order, indices[.._batch]);
        int put = OwnCache().Put(order, indices[..count]);
        PushAll(indices[put..count]);
        return OwnCache().Take(order, last);
    }

    private int AllocateLarge(ulong granules, ulong alignment, ulong offset, ulong last)
    {
        if (alignment == 0)
        {
            Check(offset == 0, nameof(offset), "An offset needs an alignment.");
            return granules > 1ul << 63 ? 0 : Search(granules, BitOperations.RoundUpToPowerOf2(granules), 0, last);
        }

        Check(BitOperations.IsPow2(alignment), nameof(alignment), "The alignment is not a power of two.");
        Check(offset < alignment && (offset & (Granule - 1)) == 0, nameof(offset), "The offset is not a multiple of the granule below the alignment.");
        return Search(granules, Math.Max(1, alignment >> _shift), offset >> _shift, last);
    }

    private int Search(ulong granules, ulong alignment, ulong offset, ulong last)
    {
        int index = SearchTree(granules, alignment, offset, last);
        if (index != 0 || Statistics.Cached == 0)
        {
            return index;
        }

        // What caches hold may be what is missing.
        Interlocked.Increment(ref _drains);
        Trim();
        return SearchTree(granules, alignment, offset, last);
    }

    private int SearchTree(ulong granules, ulong alignment, ulong offset, ulong last)
    {
        Enter();
        try
        {
            _searches++;
            return _space.Take(granules, alignment, offset, last);
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>A cache is full: a part of it goes to the depot, and from there what has no room to the tree.</summary>
    private void MakeRoom(int order, int index)
    {
        Span<int> indices = stackalloc int[MostBatch];
        int count = OwnCache().Take(order, indices[.._batch]);
        int put = _depot.Put(order, indices[..count]);
        PushAll(indices[put..count]);
        if (!OwnCache().TryPut(order, index))
        {
            PushAll([index]);
        }

        TryDrainPending();
    }

    private void Empty(IovaCache cache, int order, Span<int> indices)
    {
        while (cache.Take(order, indices) is > 0 and int count)
        {
            PushAll(indices[..count]);
        }
    }

    /// <summary>Has ranges wait for the next holder of the tree's lock.</summary>
    private void PushAll(ReadOnlySpan<int> indices)
    {
        if (indices.IsEmpty)
        {
            return;
        }

        for (int i = 1; i < indices.Length; i++)
        {
            _nodes[indices[i - 1]].NextPending = indices[i];
        }

        Push(indices[0], indices[^1], indices.Length);
    }

    private void Push(int first, int last, int count)
    {
        Interlocked.Add(ref _pendingCount, count);
        ref var node = ref _nodes[last];
        int head;
        do
        {
            head = Volatile.Read(ref _pending);
            node.NextPending = head;
        }
        while (Interlocked.CompareExchange(ref _pending, first, head) != head);
    }

    private void TryDrainPending()
    {
        if (_gate.TryEnter())
        {
            DrainPending();
            Exit();
        }
        else
        {
            Interlocked.Increment(ref _contentions);
        }
    }

    private void Enter()
    {
        if (!_gate.TryEnter())
        {
            Interlocked.Increment(ref _contentions);
            _gate.Enter();
        }

        DrainPending();
    }

    /// <summary>Leaves the lock, and takes it again for what somebody left meanwhile who found it taken.</summary>
    private void Exit()
    {
        _gate.Exit();
        while (Volatile.Read(ref _pending) != 0 && _gate.TryEnter())
        {
            DrainPending();
            _gate.Exit();
        }
    }

    private void DrainPending()
    {
        int index = Volatile.Read(ref _pending) == 0 ? 0 : Interlocked.Exchange(ref _pending, 0);
        long count = 0;
        while (index != 0)
        {
            int next = _nodes[index].NextPending;
            _space.Return(index);
            index = next;
            count++;
        }

        if (count != 0)
        {
            Interlocked.Add(ref _pendingCount, -count);
        }
    }
}
