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
/// <see cref="Capacity"/> translations; when there are more it forgets all, as it may at any time.</para>
/// </remarks>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
/// <typeparam name="TMemory">Accessor to system memory.</typeparam>
public sealed class SoftwareWalker<TFormat, TMemory> : IIommuModel
    where TFormat : struct, IPageTableFormat
    where TMemory : struct, IMemoryAccessor
{
    /// <summary>The most translations, and the most pointers to tables, that are held.</summary>
    public const int Capacity = 1 << 20;

    private const int MostLevels = 8;
    private const int LevelShift = 8;

    // A translation that was looked for and not found has no rights.
    private const uint IsFound = 1u << 31;

    private readonly PageTableReader<TFormat, TMemory> _reader;
    private readonly bool _cachesInvalidEntries;

    // Pages by their number; pointers to tables by what they translate, with the level of the entry below.
    private readonly TagTable _translations = new();
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
    /// <exception cref="ArgumentOutOfRangeException">The format has no root for these widths.</exception>
    public SoftwareWalker(TMemory memory, ulong root, int inputBits, int outputBits, bool cachesInvalidEntries = false)
    {
        _reader = new PageTableReader<TFormat, TMemory>(memory, root, inputBits, outputBits);
        if (_reader.Root.Level >= MostLevels)
        {
            throw new ArgumentOutOfRangeException(nameof(inputBits), $"{TFormat.Name} has more than {MostLevels} levels.");
        }

        _cachesInvalidEntries = cachesInvalidEntries;
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
            _translations.Remove(iova >> PageShift, last >> PageShift);
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
            _translations.Clear();
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
        if (!_reader.Contains(request.Iova))
        {
            return Fault();
        }

        ulong page = request.Iova >> PageShift;
        bool isHit;
        ulong address;
        uint info;
        int number;
        do
        {
            number = _lock.BeginRead();
            isHit = _translations.TryFind(page, out address, out info);
        }
        while (!_lock.IsUnchanged(number));

        return isHit ? Answer(request, page, address, info) : Missed(request, page);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation Missed(in DmaRequest request, ulong page)
    {
        Walk(page, out ulong address, out uint info);
        return Answer(request, page, address, info);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Translation Answer(in DmaRequest request, ulong page, ulong address, uint info)
    {
        var rights = (Protection)(byte)info;
        var needed = request.IsWrite ? Protection.Write : Protection.Read;
        bool isAllowed = (info & IsFound) != 0
            && (rights & needed) != 0
            && (request.IsPrivileged || (rights & Protection.Privileged) == 0);
        return isAllowed ? new Translation(IsAllowed: true, page << PageShift, 1ul << PageShift, address, rights) : Fault();
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => Interlocked.Increment(ref _faults);

    /// <summary>The number under which a pointer to a table is remembered: the part of the IOVA that leads to it, and the level of its entry.</summary>
    private static ulong TagOf(ulong iova, int level) => ((iova >> TFormat.EntryShift(level)) * MostLevels) + (uint)level;

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
    private void Walk(ulong page, out ulong address, out uint info)
    {
        ulong iova = page << PageShift;
        Span<WalkTable> met = stackalloc WalkTable[MostLevels];
        var table = Start(iova, out long invalidations);
        int count = 0;
        var step = _reader.Step(table, iova);
        while (step.End == WalkEnd.Table)
        {
            met[count++] = step.Next;
            step = _reader.Step(step.Next, iova);
        }

        bool isFound = step.End == WalkEnd.Page && (step.Rights & (Protection.Read | Protection.Write)) != 0;
        address = step.PhysicalAddress;
        info = isFound ? IsFound | (uint)step.Rights : 0;
        _lock.Enter();
        try
        {
            Volatile.Write(ref _walks, _walks + 1);
            if (invalidations == _invalidations)
            {
                foreach (ref readonly var one in met[..count])
                {
                    // For the range of the table, which is less than that of the pointer if levels were left out.
                    Remember(_tables, TagOf(iova, one.Level + 1), one.Address, ((uint)one.Level << LevelShift) | (uint)one.Rights);
                }

                if (isFound || _cachesInvalidEntries)
                {
                    Remember(_translations, page, address, info);
                }
            }
        }
        finally
        {
            _lock.Exit();
        }
    }

    private static void Remember(TagTable items, ulong tag, ulong address, uint info)
    {
        if (items.Count >= Capacity)
        {
            items.Clear();
        }

        items.Set(tag, address, info);
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
