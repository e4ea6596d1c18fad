using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Software;

/// <summary>
/// A walker of page tables in any format, with a TLB and a walk cache that hold whatever they once read until they are told to forget it: what stands
/// behind a software IOMMU, and the most forgetful driver's worst enemy.
/// </summary>
/// <remarks>
/// <para>It believes nothing that it reads: what the architecture reserves is a fault, rights are those of all levels, and whatever a table holds, a
/// walk ends (see <see cref="IPageTableFormat.Decode"/>). It has no stream, context or device tables, walks for devices outside any secure world, and
/// does not set accessed or dirty bits.</para>
/// <para>Thread-safe; may be told of invalidations in the middle of a walk, by the memory that it reads too. It holds at most
/// <see cref="Capacity"/> translations, or fewer if it was told so; when there are more it forgets all, as it may at any time.</para>
/// </remarks>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
/// <typeparam name="TMemory">Accessor to system memory.</typeparam>
public sealed class SoftwareWalker<TFormat, TMemory> : IIommuModel
    where TFormat : struct, IPageTableFormat
    where TMemory : struct, IMemoryAccessor
{
    /// <summary>The most translations, and the most pointers to tables, that any walker holds.</summary>
    public const int Capacity = 1 << 20;

    private const int MostLevels = 8;
    private const int LevelShift = 8;
    private const Protection Either = Protection.Read | Protection.Write;

    // What is remembered of a page: where it is, and below its address rights (a byte) and that it is remembered. One that was not found has no rights.
    private const int InfoBits = 9;
    private const ulong InfoMask = (1ul << InfoBits) - 1;
    private const ulong IsHeld = 1ul << (InfoBits - 1);

    private readonly PageTableReader<TFormat, TMemory> _reader;
    private readonly bool _cachesInvalidEntries;
    private readonly int _capacity;

    // Pointers to tables are remembered by what they translate, with the level of the entry below.
    private readonly HeldPages _pages = new();
    private readonly TagTable _tables = new();

    // Not of the memory's calls: those are outside.
    private SequenceLock _lock;

    // Counted so that a walk whose entries may have changed since it read them is not remembered.
    private long _invalidations;
    private long _walks;
    private long _faults;

    /// <summary>Makes a walker that remembers nothing yet.</summary>
    /// <param name="memory">Memory as the walker sees it.</param>
    /// <param name="root">The root table.</param>
    /// <param name="inputBits">Bits of an IOVA; what has more is refused.</param>
    /// <param name="outputBits">Bits of a physical address.</param>
    /// <param name="cachesInvalidEntries">Whether it also remembers what is not mapped.</param>
    /// <param name="capacity">The most translations, and the most pointers to tables, that this one holds, 1 to <see cref="Capacity"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The format has no root for these widths, or the capacity is out of its range.</exception>
    /// <exception cref="NotSupportedException">The format has pages of less than 512 bytes.</exception>
    public SoftwareWalker(
        TMemory memory, ulong root, int inputBits, int outputBits, bool cachesInvalidEntries = false, int capacity = Capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, Capacity);
        _reader = new PageTableReader<TFormat, TMemory>(memory, root, inputBits, outputBits);
        if (_reader.Root.Level >= MostLevels)
        {
            throw new ArgumentOutOfRangeException(nameof(inputBits), $"{TFormat.Name} has more than {MostLevels} levels.");
        }

        if (PageShift < InfoBits)
        {
            throw new NotSupportedException($"{TFormat.Name} has pages of less than {1 << InfoBits} bytes.");
        }

        _cachesInvalidEntries = cachesInvalidEntries;
        _capacity = capacity;
    }

    /// <summary>The root table.</summary>
    public ulong Root => _reader.Root.Address;

    /// <summary>Walks so far.</summary>
    public long Walks => Volatile.Read(ref _walks);

    /// <summary>Faults so far.</summary>
    public long Faults => Interlocked.Read(ref _faults);

    /// <inheritdoc/>
    public AccessGate Accesses { get; } = new();

    private static int PageShift => TFormat.EntryShift(0);

    /// <summary>
    /// Forgets translations of a range, and waits for accesses that began before (see <see cref="AccessGate"/>). It costs what the range has, or what is
    /// held, whichever is less.
    /// </summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="bytes">Size of the range.</param>
    /// <param name="forgetsTables">Whether pointers to tables are forgotten too.</param>
    public void Invalidate(ulong iova, ulong bytes, bool forgetsTables)
    {
        ulong last = bytes == 0 ? iova : iova + Math.Min(bytes - 1, ulong.MaxValue - iova);
        _lock.Enter();
        try
        {
            Volatile.Write(ref _invalidations, _invalidations + 1);
            _pages.Remove(iova >> PageShift, last >> PageShift);
            if (forgetsTables)
            {
                ForgetTables(iova, last);
            }
        }
        finally
        {
            _lock.Exit();
        }

        Accesses.Drain();
    }

    /// <summary>Forgets everything, as it may at any time.</summary>
    public void Evict()
    {
        _lock.Enter();
        try
        {
            _pages.Clear();
            _tables.Clear();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request)
    {
        ulong page = request.Iova >> PageShift;
        ulong needed = NeededBy(request);
        int number = _lock.Number;
        ulong held = _pages.Peek(page);

        // Whatever is not plain is looked at again. An IOVA that is outside has no page that could be remembered.
        if ((held & (needed | RefusedTo(request))) == needed && _lock.IsUnchanged(number))
        {
            return new Translation(IsAllowed: true, page << PageShift, 1ul << PageShift, held & ~InfoMask, RightsOf(held));
        }

        return TranslateSlowly(request, page, held);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private Translation TranslateSlowly(in DmaRequest request, ulong page, ulong held)
    {
        // No table is remembered for an IOVA that is outside.
        if (held != 0 || !TryWalkUsual(page, 0, out held))
        {
            if (!_reader.Contains(request.Iova))
            {
                return Fault();
            }

            held = FindOrWalk(page);
        }

        ulong needed = NeededBy(request);
        return (held & (needed | RefusedTo(request))) == needed
            ? new Translation(IsAllowed: true, page << PageShift, 1ul << PageShift, held & ~InfoMask, RightsOf(held))
            : Fault();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong FindOrWalk(ulong page)
    {
        ulong held = Find(page);
        if (held != 0 || TryWalkUsual(page, 0, out held) || TryWalkUsual(page, 1, out held))
        {
            return held;
        }

        return Walk(page);
    }

    private ulong Find(ulong page)
    {
        while (true)
        {
            int number = _lock.BeginRead();
            ulong held = _pages.Find(page);
            if (_lock.IsUnchanged(number))
            {
                return held;
            }
        }
    }

    /// <summary>The usual walk of a page that is not remembered: its table is, and its entry is a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="level">The level of the table, a constant to the compiler.</param>
    /// <param name="held">What is remembered of the page.</param>
    /// <returns>False if anything is not so: then nothing was done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWalkUsual(ulong page, int level, out ulong held)
    {
        held = 0;
        if (level >= _reader.Root.Level)
        {
            // Nothing leads to such a table, and a format need not know of levels above its root.
            return false;
        }

        ulong iova = page << PageShift;
        ulong tag = TagOf(iova, level + 1);
        int number = _lock.Number;
        long invalidations = Volatile.Read(ref _invalidations);
        ref readonly var place = ref _tables.PlaceOf(tag);
        ulong table = Volatile.Read(in place.Address);
        uint way = Volatile.Read(in place.Info);
        if (place.IsOf(tag) && way >> LevelShift == (uint)level && _lock.IsUnchanged(number)
            && _reader.TryReadPage(table, level, (Protection)(byte)way, iova, out ulong physical, out var rights)
            && (rights & Either) != 0)
        {
            held = physical | IsHeld | (ulong)rights;
            bool isDone = false;
            if (_lock.TryEnter(number))
            {
                // Nothing has changed since, so nothing was invalidated.
                isDone = _pages.TryAdd(page, held, _capacity);
                _walks += isDone ? 1 : 0;
                _lock.Exit();
            }

            if (!isDone)
            {
                EndWalk(page, held, invalidations);
            }

            return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => Interlocked.Increment(ref _faults);

    /// <summary>The number under which a pointer to a table is remembered: the part of the IOVA that leads to it, and the level of its entry.</summary>
    private static ulong TagOf(ulong iova, int level) => ((iova >> TFormat.EntryShift(level)) * MostLevels) + (uint)level;

    private static ulong NeededBy(in DmaRequest request) => IsHeld | (ulong)(request.IsWrite ? Protection.Write : Protection.Read);

    private static ulong RefusedTo(in DmaRequest request) => (ulong)(request.IsPrivileged ? Protection.None : Protection.Privileged);

    private static Protection RightsOf(ulong held) => (Protection)(byte)held;

    private Translation Fault()
    {
        Interlocked.Increment(ref _faults);
        return Translation.Fault;
    }

    private void ForgetTables(ulong iova, ulong last)
    {
        for (int level = 1; level <= _reader.Root.Level && _tables.Count != 0; level++)
        {
            int shift = TFormat.EntryShift(level);
            if (last >> shift == iova >> shift)
            {
                _tables.Remove(TagOf(iova, level), TagOf(iova, level));
            }
            else
            {
                _tables.RemoveWhere(iova, last, static (tag, first, last) => IsBelow(tag, first, last));
                return;
            }
        }
    }

    private static bool IsBelow(ulong tag, ulong iova, ulong last)
    {
        int shift = TFormat.EntryShift((int)(tag % MostLevels));
        ulong prefix = tag / MostLevels;
        return prefix >= iova >> shift && prefix <= last >> shift;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private ulong Walk(ulong page)
    {
        ulong iova = page << PageShift;
        var table = Start(iova, out long invalidations);
        Span<WalkTable> met = stackalloc WalkTable[MostLevels];
        int count = 0;
        var step = _reader.Step(table, iova);
        while (step.End == WalkEnd.Table)
        {
            met[count++] = step.Next;
            step = _reader.Step(step.Next, iova);
        }

        bool isFound = step.End == WalkEnd.Page && (step.Rights & Either) != 0;
        ulong held = isFound ? step.PhysicalAddress | IsHeld | (ulong)step.Rights : IsHeld;
        _lock.Enter();
        try
        {
            Volatile.Write(ref _walks, _walks + 1);
            if (invalidations == _invalidations)
            {
                foreach (ref readonly var one in met[..count])
                {
                    // For the range of the table, which is less than that of the pointer if levels were left out.
                    Remember(TagOf(iova, one.Level + 1), one);
                }

                if (isFound || _cachesInvalidEntries)
                {
                    Remember(page, held);
                }
            }
        }
        finally
        {
            _lock.Exit();
        }

        return held;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EndWalk(ulong page, ulong held, long invalidations)
    {
        _lock.Enter();
        try
        {
            Volatile.Write(ref _walks, _walks + 1);
            if (invalidations == _invalidations)
            {
                Remember(page, held);
            }
        }
        finally
        {
            _lock.Exit();
        }
    }

    private void Remember(ulong page, ulong held)
    {
        if (_pages.Count >= _capacity)
        {
            _pages.Clear();
        }

        _pages.Set(page, held);
    }

    private void Remember(ulong tag, in WalkTable table)
    {
        if (_tables.Count >= _capacity)
        {
            _tables.Clear();
        }

        _tables.Set(tag, table.Address, ((uint)table.Level << LevelShift) | (uint)table.Rights);
    }

    /// <summary>The lowest table on the way to a page that is remembered, or the root.</summary>
    private WalkTable Start(ulong iova, out long invalidations)
    {
        WalkTable start;
        int number;
        do
        {
            number = _lock.BeginRead();
            invalidations = Volatile.Read(ref _invalidations);
            start = _reader.Root;
            for (int level = 1; level <= _reader.Root.Level; level++)
            {
                if (_tables.TryFind(TagOf(iova, level), out ulong address, out uint info))
                {
                    start = new WalkTable(address, (int)(info >> LevelShift), (Protection)(byte)info);
                    break;
                }
            }
        }
        while (!_lock.IsUnchanged(number));

        return start;
    }
}
