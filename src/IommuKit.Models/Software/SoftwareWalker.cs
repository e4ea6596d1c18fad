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

    private readonly PageTableReader<TFormat, TMemory> _reader;
    private readonly bool _cachesInvalidEntries;
    private readonly object _gate = new();
    private readonly Dictionary<ulong, Translation> _translations = [];
    private readonly Dictionary<(int Level, ulong Prefix), WalkTable> _tables = [];

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
    public long Walks => Interlocked.Read(ref _walks);

    /// <summary>Faults so far.</summary>
    public long Faults => Interlocked.Read(ref _faults);

    /// <inheritdoc/>
    public AccessGate Accesses { get; } = new();

    private static ulong PageMask => (1ul << TFormat.EntryShift(0)) - 1;

    /// <summary>Forgets translations of a range, and waits for accesses that began before (see <see cref="AccessGate"/>).</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="bytes">Size of the range.</param>
    /// <param name="forgetsTables">Whether pointers to tables are forgotten too.</param>
    public void Invalidate(ulong iova, ulong bytes, bool forgetsTables)
    {
        ulong last = bytes == 0 ? iova : iova + Math.Min(bytes - 1, ulong.MaxValue - iova);
        lock (_gate)
        {
            _invalidations++;
            Forget(_translations, page => page <= last && (page | PageMask) >= iova);
            if (forgetsTables)
            {
                Forget(_tables, key => Overlaps(key.Prefix, TFormat.EntryShift(key.Level), iova, last));
            }
        }

        Accesses.Drain();
    }

    /// <summary>Forgets everything, as it may at any time.</summary>
    public void Evict()
    {
        lock (_gate)
        {
            _translations.Clear();
            _tables.Clear();
        }
    }

    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request)
    {
        if (!_reader.Contains(request.Iova))
        {
            return Fault();
        }

        ulong page = request.Iova & ~PageMask;
        bool isHit;
        Translation translation;
        lock (_gate)
        {
            isHit = _translations.TryGetValue(page, out translation);
        }

        if (!isHit)
        {
            translation = Walk(page);
        }

        var needed = request.IsWrite ? Protection.Write : Protection.Read;
        bool isAllowed = translation.IsAllowed
            && (translation.Rights & needed) != 0
            && (request.IsPrivileged || (translation.Rights & Protection.Privileged) == 0);
        return isAllowed ? translation : Fault();
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => Interlocked.Increment(ref _faults);

    private static bool Overlaps(ulong prefix, int shift, ulong first, ulong last) => prefix <= last >> shift && prefix >= first >> shift;

    private static void Forget<TKey, TValue>(Dictionary<TKey, TValue> items, Predicate<TKey> isForgotten)
        where TKey : notnull
    {
        foreach (var key in items.Keys)
        {
            if (isForgotten(key))
            {
                items.Remove(key);
            }
        }
    }

    private static void Remember<TKey, TValue>(Dictionary<TKey, TValue> items, TKey key, TValue value)
        where TKey : notnull
    {
        if (items.Count >= Capacity)
        {
            items.Clear();
        }

        items[key] = value;
    }

    private Translation Fault()
    {
        Interlocked.Increment(ref _faults);
        return Translation.Fault;
    }

    private Translation Walk(ulong page)
    {
        Interlocked.Increment(ref _walks);

        // The tables that were met, by the level above theirs; those of no level are none.
        Span<WalkTable> met = stackalloc WalkTable[MostLevels];
        met.Fill(new WalkTable(0, -1, Protection.None));
        long invalidations;
        WalkTable table;
        lock (_gate)
        {
            invalidations = _invalidations;
            table = Start(page);
        }

        var translation = Walk(page, table, met);
        lock (_gate)
        {
            if (invalidations == _invalidations)
            {
                foreach (ref readonly var one in met)
                {
                    if (one.Level >= 0)
                    {
                        Remember(_tables, (one.Level + 1, page >> TFormat.EntryShift(one.Level + 1)), one);
                    }
                }

                if (translation.IsAllowed || _cachesInvalidEntries)
                {
                    Remember(_translations, page, translation);
                }
            }
        }

        return translation;
    }

    /// <summary>The lowest table on the way to a page that is remembered, or the root.</summary>
    private WalkTable Start(ulong page)
    {
        for (int level = 1; level <= _reader.Root.Level; level++)
        {
            if (_tables.TryGetValue((level, page >> TFormat.EntryShift(level)), out var remembered))
            {
                return remembered;
            }
        }

        return _reader.Root;
    }

    private Translation Walk(ulong page, WalkTable table, Span<WalkTable> met)
    {
        var step = _reader.Step(table, page);
        while (step.End == WalkEnd.Table)
        {
            // Remembered for the range of the table, which is less than that of the pointer if levels were left out.
            met[step.Next.Level] = step.Next;
            step = _reader.Step(step.Next, page);
        }

        return step.End == WalkEnd.Page && (step.Rights & (Protection.Read | Protection.Write)) != 0
            ? new Translation(IsAllowed: true, page, PageMask + 1, step.PhysicalAddress, step.Rights)
            : Translation.Fault;
    }
}
