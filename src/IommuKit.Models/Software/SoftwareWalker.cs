using System.Buffers.Binary;
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

    private readonly TMemory _memory;
    private readonly int _outputBits;
    private readonly int _rootLevel;
    private readonly int _rootBits;
    private readonly int _halfBits;
    private readonly bool _isSigned;
    private readonly bool _cachesInvalidEntries;
    private readonly object _gate = new();
    private readonly Dictionary<ulong, Translation> _translations = [];
    private readonly Dictionary<(int Level, ulong Prefix), TablePointer> _tables = [];

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
        if (outputBits < 1 || outputBits > TFormat.MaxOutputBits)
        {
            throw new ArgumentOutOfRangeException(
                nameof(outputBits), $"{TFormat.Name} holds physical addresses of 1 to {TFormat.MaxOutputBits} bits, not {outputBits}.");
        }

        if (inputBits is < 1 or > 64 || !Roots.TryFind<TFormat>(inputBits, outputBits, out _rootLevel, out _rootBits) || _rootLevel >= MostLevels)
        {
            throw new ArgumentOutOfRangeException(nameof(inputBits), $"{TFormat.Name} has no root for {inputBits} bits.");
        }

        _memory = memory;
        _outputBits = outputBits;
        _isSigned = TFormat.SignExtendsInput && inputBits == TFormat.EntryShift(_rootLevel) + _rootBits;
        _halfBits = inputBits - (_isSigned ? 1 : 0);
        Root = root;
        _cachesInvalidEntries = cachesInvalidEntries;
    }

    /// <summary>The root table.</summary>
    public ulong Root { get; }

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
    /// <param name="level">Above 0: pointers to tables are forgotten too.</param>
    public void Invalidate(ulong iova, ulong bytes, int level)
    {
        ulong last = bytes == 0 ? iova : iova + Math.Min(bytes - 1, ulong.MaxValue - iova);
        lock (_gate)
        {
            _invalidations++;
            Forget(_translations, page => page <= last && (page | PageMask) >= iova);
            if (level > 0)
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
        if (!IsInside(request.Iova))
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

    private bool IsInside(ulong iova)
    {
        long high = _halfBits == 64 ? 0 : (long)iova >> _halfBits;
        return high == 0 || (_isSigned && high == -1);
    }

    private Translation Fault()
    {
        Interlocked.Increment(ref _faults);
        return Translation.Fault;
    }

    private Translation Walk(ulong page)
    {
        Interlocked.Increment(ref _walks);
        Span<TablePointer> read = stackalloc TablePointer[MostLevels];
        read.Clear();
        long invalidations;
        TablePointer table;
        lock (_gate)
        {
            invalidations = _invalidations;
            table = Start(page);
        }

        var translation = Walk(page, table, read);
        lock (_gate)
        {
            if (invalidations == _invalidations)
            {
                for (int level = 1; level < MostLevels; level++)
                {
                    if (read[level].IsKnown)
                    {
                        Remember(_tables, (level, page >> TFormat.EntryShift(level)), read[level]);
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
    private TablePointer Start(ulong page)
    {
        for (int level = 1; level <= _rootLevel; level++)
        {
            if (_tables.TryGetValue((level, page >> TFormat.EntryShift(level)), out var remembered))
            {
                return remembered;
            }
        }

        return new TablePointer(Root, _rootLevel, Protection.Read | Protection.Write);
    }

    private Translation Walk(ulong page, TablePointer table, Span<TablePointer> read)
    {
        while (true)
        {
            int level = table.Level;
            int bits = level == _rootLevel ? _rootBits : TFormat.IndexBits(level);
            ulong index = (page >> TFormat.EntryShift(level)) & ((1ul << bits) - 1);
            if (!TryRead(table.Address + (index << TFormat.EntrySizeLog2), out ulong value))
            {
                return Translation.Fault;
            }

            var entry = TFormat.Decode(value, level, _outputBits);
            var rights = WalkEntry.Combine(table.Rights, entry.Rights);
            if (entry.Kind == WalkEntryKind.Leaf)
            {
                // A page may be larger than what there is.
                ulong address = entry.Address + (page & ((1ul << entry.SizeLog2) - 1));
                return (rights & (Protection.Read | Protection.Write)) == 0 || address >> _outputBits != 0
                    ? Translation.Fault
                    : new Translation(IsAllowed: true, page, PageMask + 1, address, rights);
            }

            // Where a pointer leaves levels out, the IOVA bits that they would translate are 0. None goes up, so a walk ends.
            if (entry.Kind != WalkEntryKind.Table || entry.Level >= level || entry.Level < 0 || SkippedBits(page, level, entry.Level) != 0)
            {
                return Translation.Fault;
            }

            // Remembered for the range of the table, which is less than that of the pointer if levels were left out.
            table = new TablePointer(entry.Address, entry.Level, rights);
            read[entry.Level + 1] = table;
        }
    }

    private static ulong SkippedBits(ulong page, int from, int to)
    {
        int end = TFormat.EntryShift(from);
        int start = TFormat.EntryShift(to) + TFormat.IndexBits(to);
        return start >= end ? 0 : (page & ((1ul << end) - 1)) >> start;
    }

    private bool TryRead(ulong address, out ulong entry)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes = bytes[..(1 << TFormat.EntrySizeLog2)];
        bytes.Clear();
        bool isRead = _memory.TryRead(address, bytes);
        entry = bytes.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return isRead;
    }

    /// <summary>A table on the way of a walk, with the rights of the way.</summary>
    private readonly record struct TablePointer(ulong Address, int Level, Protection Rights, bool IsKnown = true);
}
