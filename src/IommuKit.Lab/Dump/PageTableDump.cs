using System.Buffers.Binary;
using IommuKit.Lab.Formats;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Dump;

/// <summary>Reads a page table as a walker would, entry by entry, with no help from the engine that wrote it.</summary>
/// <typeparam name="TFormat">The format.</typeparam>
internal sealed class PageTableDump<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private const int LineLog2 = 6;

    private readonly FormatKind _kind;
    private readonly HostMemory _memory;

    // The bits that an IOVA of the high half has set, its sign bit and those above; 0 where there is no high half.
    private readonly ulong _highBits;

    private PageTableDump(FormatKind kind, HostMemory memory, ulong highBits)
    {
        _kind = kind;
        _memory = memory;
        _highBits = highBits;
    }

    /// <summary>Reads a page table.</summary>
    /// <param name="kind">The format.</param>
    /// <param name="memory">The memory that the tables are in.</param>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="root">Physical address of the root.</param>
    /// <param name="rootLevel">The root's level.</param>
    /// <param name="rootBytes">Bytes in the root.</param>
    /// <exception cref="ArgumentOutOfRangeException">A pointer leads outside memory.</exception>
    public static DumpTable Read(FormatKind kind, HostMemory memory, int inputBits, ulong root, int rootLevel, uint rootBytes)
    {
        // Only an IOVA that uses every bit of its root is sign-extended.
        int entries = (int)(rootBytes >> TFormat.EntrySizeLog2);
        bool isSigned = TFormat.SignExtendsInput && inputBits == TFormat.EntryShift(rootLevel) + int.Log2(entries);
        return new PageTableDump<TFormat>(kind, memory, isSigned ? ulong.MaxValue << (inputBits - 1) : 0)
            .ReadTable(root, rootLevel, entries, iova: 0, pointer: 0);
    }

    private DumpTable ReadTable(ulong address, int level, int entries, ulong iova, ulong pointer)
    {
        var bytes = _memory.Span(address, entries << TFormat.EntrySizeLog2);
        int shift = TFormat.EntryShift(level);
        var items = new List<DumpItem>();
        int used = 0;
        int lines = 0;
        int lastLine = -1;
        var run = default(LeafRun);
        for (int index = 0; index < entries; index++)
        {
            ulong entry = EntryAt(bytes, index);
            if (entry == 0)
            {
                continue;
            }

            used++;
            int line = index << TFormat.EntrySizeLog2 >> LineLog2;
            lines += line != lastLine ? 1 : 0;
            lastLine = line;
            ulong start = Extend(iova + ((ulong)(uint)index << shift));
            if (level != 0 && TFormat.IsTable(entry, level))
            {
                Add(items, run);
                run = default;
                items.Add(ReadTable(TFormat.TableAddress(entry), level - 1, 1 << TFormat.IndexBits(level - 1), start, entry));
                continue;
            }

            var leaf = Leaf(entry, level, index, start);
            if (!run.TryJoin(leaf))
            {
                Add(items, run);
                run = leaf;
            }
        }

        Add(items, run);
        ulong last = iova + (((ulong)(uint)entries << shift) - 1);
        return new DumpTable(level + 1, iova, last, pointer, address, entries, used, lines, items);
    }

    private void Add(List<DumpItem> items, LeafRun run)
    {
        if (run.IsThere)
        {
            items.Add(new DumpRange(
                run.Level,
                run.Iova,
                run.LastIova,
                run.Entry,
                run.PhysicalAddress,
                run.PageLog2,
                TFormat.LeafProtection(run.Entry, run.Level),
                _kind.DescribeLeaf(run.Entry, run.Level)));
        }
    }

    private static LeafRun Leaf(ulong entry, int level, int index, ulong iova)
    {
        int shift = TFormat.EntryShift(level);
        int sizeLog2 = TFormat.LeafSizeLog2(entry, level);
        ulong address = TFormat.LeafAddress(entry, level);
        ulong bare = TFormat.LeafEntry(address, 0, level, sizeLog2);
        if (TFormat.HasGroups && TFormat.GroupsRepeatOneEntry)
        {
            // Every entry of the group holds where the group starts.
            address += (ulong)(uint)(index & ((1 << (sizeLog2 - shift)) - 1)) << shift;
        }

        return new LeafRun
        {
            IsThere = true,
            Level = level,
            Iova = iova,
            LastIova = iova + ((1ul << shift) - 1),
            Entry = entry,
            Attributes = entry ^ bare,
            PhysicalAddress = address,
            PageLog2 = sizeLog2,
        };
    }

    /// <summary>The IOVA as software writes it, where the format has a high half.</summary>
    private ulong Extend(ulong iova) => (iova & _highBits) != 0 ? iova | _highBits : iova;

    /// <summary>The value of an entry.</summary>
    /// <param name="table">Entries one after the other.</param>
    /// <param name="index">Which.</param>
    public static ulong EntryAt(ReadOnlySpan<byte> table, int index)
    {
        var bytes = table[(index << TFormat.EntrySizeLog2)..];
        return TFormat.EntrySizeLog2 == 2 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Leaves that go on from one another. There can be millions, so they are joined before anything is made of them.</summary>
    private struct LeafRun
    {
        public bool IsThere;
        public int Level;
        public int PageLog2;
        public ulong Iova;
        public ulong LastIova;
        public ulong PhysicalAddress;

        // The first entry, and what is left of it without its address and its size.
        public ulong Entry;
        public ulong Attributes;

        /// <summary>Adds a leaf, if the run goes on there.</summary>
        public bool TryJoin(LeafRun leaf)
        {
            if (!IsThere
                || LastIova + 1 != leaf.Iova
                || PhysicalAddress + (LastIova - Iova) + 1 != leaf.PhysicalAddress
                || PageLog2 != leaf.PageLog2
                || Attributes != leaf.Attributes)
            {
                return false;
            }

            LastIova = leaf.LastIova;
            return true;
        }
    }
}
