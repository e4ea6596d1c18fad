using System.Buffers.Binary;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.PageTables.Dump;

/// <summary>Reads a page table as a walker would, entry by entry, with no help from the engine that wrote it.</summary>
/// <typeparam name="TFormat">The format.</typeparam>
internal sealed class PageTableDump<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private const int LineLog2 = 6;

    private readonly FormatKind _kind;
    private readonly HostMemory _memory;
    private readonly int _inputBits;

    private PageTableDump(FormatKind kind, HostMemory memory, int inputBits)
    {
        _kind = kind;
        _memory = memory;
        _inputBits = inputBits;
    }

    /// <summary>Reads a page table.</summary>
    /// <param name="kind">The format.</param>
    /// <param name="memory">The memory that the tables are in.</param>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="root">Physical address of the root.</param>
    /// <param name="rootLevel">The root's level.</param>
    /// <param name="rootBytes">Bytes in the root.</param>
    /// <exception cref="ArgumentOutOfRangeException">A pointer leads outside memory.</exception>
    public static DumpTable Read(FormatKind kind, HostMemory memory, int inputBits, ulong root, int rootLevel, uint rootBytes) =>
        new PageTableDump<TFormat>(kind, memory, inputBits).ReadTable(root, rootLevel, (int)(rootBytes >> TFormat.EntrySizeLog2), iova: 0, pointer: 0);

    private DumpTable ReadTable(ulong address, int level, int entries, ulong iova, ulong pointer)
    {
        var bytes = _memory.Span(address, entries << TFormat.EntrySizeLog2);
        int shift = TFormat.EntryShift(level);
        var items = new List<DumpItem>();
        int used = 0;
        int lines = 0;
        int lastLine = -1;
        ulong attributes = 0;
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
                items.Add(ReadTable(TFormat.TableAddress(entry), level - 1, 1 << TFormat.IndexBits(level - 1), start, entry));
            }
            else
            {
                AddLeaf(items, Leaf(entry, level, index, start), ref attributes);
            }
        }

        ulong last = iova + (((ulong)(uint)entries << shift) - 1);
        return new DumpTable(level + 1, iova, last, pointer, address, entries, used, lines, items);
    }

    /// <summary>Adds a leaf, to the range before if it goes on there.</summary>
    private static void AddLeaf(List<DumpItem> items, DumpRange leaf, ref ulong attributes)
    {
        // What is left of an entry without its address and its size.
        ulong bare = TFormat.LeafEntry(TFormat.LeafAddress(leaf.Entry, leaf.Level), 0, leaf.Level, leaf.PageLog2);
        ulong own = leaf.Entry ^ bare;
        if (items.Count != 0
            && items[^1] is DumpRange before
            && before.LastIova + 1 == leaf.Iova
            && before.LastPhysicalAddress + 1 == leaf.PhysicalAddress
            && before.PageLog2 == leaf.PageLog2
            && attributes == own)
        {
            items[^1] = before with { LastIova = leaf.LastIova };
            return;
        }

        attributes = own;
        items.Add(leaf);
    }

    private DumpRange Leaf(ulong entry, int level, int index, ulong iova)
    {
        int shift = TFormat.EntryShift(level);
        int sizeLog2 = TFormat.LeafSizeLog2(entry, level);
        ulong address = TFormat.LeafAddress(entry, level);
        if (TFormat.HasGroups && TFormat.GroupsRepeatOneEntry)
        {
            // Every entry of the group holds where the group starts.
            address += (ulong)(uint)(index & ((1 << (sizeLog2 - shift)) - 1)) << shift;
        }

        return new DumpRange(
            level,
            iova,
            iova + ((1ul << shift) - 1),
            entry,
            address,
            sizeLog2,
            TFormat.LeafProtection(entry, level),
            _kind.DescribeLeaf(entry, level));
    }

    /// <summary>The IOVA as software writes it, where the format has a high half.</summary>
    private ulong Extend(ulong iova) => TFormat.SignExtendsInput && (iova >> (_inputBits - 1)) != 0
        ? iova | (ulong.MaxValue << (_inputBits - 1))
        : iova;

    private static ulong EntryAt(ReadOnlySpan<byte> table, int index)
    {
        var bytes = table[(index << TFormat.EntrySizeLog2)..];
        return TFormat.EntrySizeLog2 == 2 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
