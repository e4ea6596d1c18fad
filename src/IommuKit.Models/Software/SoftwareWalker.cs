using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Software;

/// <summary>
/// A walker of page tables in any format, with a TLB and a walk cache that hold whatever they once read until they are told to forget it: what stands
/// behind a software IOMMU, and the most forgetful driver's worst enemy. Not thread-safe.
/// </summary>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
/// <typeparam name="TMemory">Accessor to system memory.</typeparam>
public sealed class SoftwareWalker<TFormat, TMemory> : IIommuModel
    where TFormat : struct, IPageTableFormat
    where TMemory : struct, IMemoryAccessor
{
    private readonly TMemory _memory;
    private readonly int _rootLevel;
    private readonly int _rootBits;
    private readonly bool _cachesInvalidEntries;
    private readonly Dictionary<ulong, Translation> _translations = [];
    private readonly Dictionary<(int Level, ulong Prefix), ulong> _tables = [];

    /// <summary>Makes a walker that remembers nothing yet.</summary>
    /// <param name="memory">Memory as the walker sees it.</param>
    /// <param name="root">The root table.</param>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="cachesInvalidEntries">Whether it also remembers what is not mapped.</param>
    /// <exception cref="ArgumentOutOfRangeException">The format has no root for that width.</exception>
    public SoftwareWalker(TMemory memory, ulong root, int inputBits, bool cachesInvalidEntries = false)
    {
        if (!TFormat.TryGetRoot(inputBits, out _rootLevel, out _rootBits))
        {
            throw new ArgumentOutOfRangeException(nameof(inputBits), $"{TFormat.Name} has no root for {inputBits} bits.");
        }

        _memory = memory;
        Root = root;
        _cachesInvalidEntries = cachesInvalidEntries;
    }

    /// <summary>The root table.</summary>
    public ulong Root { get; }

    /// <summary>Walks so far.</summary>
    public long Walks { get; private set; }

    /// <summary>Faults so far.</summary>
    public long Faults { get; private set; }

    private static ulong PageMask => (1ul << TFormat.EntryShift(0)) - 1;

    /// <summary>Forgets translations of a range.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="bytes">Size of the range.</param>
    /// <param name="level">Above 0: pointers to tables are forgotten too.</param>
    public void Invalidate(ulong iova, ulong bytes, int level)
    {
        ulong last = bytes == 0 ? iova : iova + Math.Min(bytes - 1, ulong.MaxValue - iova);
        Forget(_translations, page => page <= last && (page | PageMask) >= iova);
        if (level > 0)
        {
            Forget(_tables, key => Overlaps(key.Prefix, TFormat.EntryShift(key.Level), iova, last));
        }
    }

    /// <summary>Forgets everything, as it may at any time.</summary>
    public void Evict()
    {
        _translations.Clear();
        _tables.Clear();
    }

    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request)
    {
        ulong page = request.Iova & ~PageMask;
        if (!_translations.TryGetValue(page, out var translation))
        {
            translation = Walk(page);
            if (translation.IsAllowed || _cachesInvalidEntries)
            {
                _translations[page] = translation;
            }
        }

        var needed = request.IsWrite ? Protection.Write : Protection.Read;
        if (translation.IsAllowed && (translation.Rights & needed) != 0)
        {
            return translation;
        }

        Faults++;
        return Translation.Fault;
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => Faults++;

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

    private Translation Walk(ulong page)
    {
        Walks++;
        ulong table = Root;
        for (int level = _rootLevel; ; level--)
        {
            // A pointer that is remembered saves the levels above it.
            if (level == _rootLevel)
            {
                for (int lower = 1; lower <= _rootLevel; lower++)
                {
                    if (_tables.TryGetValue((lower, page >> TFormat.EntryShift(lower)), out ulong remembered))
                    {
                        table = remembered;
                        level = lower - 1;
                        break;
                    }
                }
            }

            int bits = level == _rootLevel ? _rootBits : TFormat.IndexBits(level);
            ulong index = (page >> TFormat.EntryShift(level)) & ((1ul << bits) - 1);
            if (!TryRead(table + (index << TFormat.EntrySizeLog2), out ulong entry) || entry == 0)
            {
                return Translation.Fault;
            }

            if (level != 0 && TFormat.IsTable(entry, level))
            {
                table = TFormat.TableAddress(entry);
                _tables[(level, page >> TFormat.EntryShift(level))] = table;
                continue;
            }

            var rights = TFormat.LeafProtection(entry, level);
            ulong size = 1ul << TFormat.LeafSizeLog2(entry, level);
            ulong piece = TFormat.GroupsRepeatOneEntry ? size : 1ul << TFormat.EntryShift(level);
            return rights == Protection.None
                ? Translation.Fault
                : new Translation(IsAllowed: true, page, PageMask + 1, TFormat.LeafAddress(entry, level) + (page & (piece - 1)), rights);
        }
    }

    private bool TryRead(ulong address, out ulong entry)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes = bytes[..(1 << TFormat.EntrySizeLog2)];
        bool isRead = _memory.TryRead(address, bytes);
        entry = (bytes.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes))
            & ~TFormat.SoftwareBit;
        return isRead;
    }
}
