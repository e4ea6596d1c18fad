using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Specs.Memory;

namespace IommuKit.Specs.PageTables;

/// <summary>
/// Reads page tables that somebody else wrote, a guest or a kernel whose memory was dumped, as the architecture says: nothing in them is believed. It
/// remembers nothing and changes nothing.
/// </summary>
/// <remarks>
/// Every walk ends, whatever the tables hold: each pointer leads to a lower level. It does not set accessed or dirty bits. As thread-safe as the memory.
/// </remarks>
/// <example>
/// <code>
/// var reader = new PageTableReader&lt;X86Format, DeviceMemory&gt;(memory.DeviceView, root, inputBits: 48, outputBits: 40);
/// var step = reader.Walk(0x7f00_1000);
/// Console.WriteLine(step.End == WalkEnd.Page ? $"0x{step.PhysicalAddress:x}" : $"{step.End} at 0x{step.EntryAddress:x}");
/// </code>
/// </example>
/// <typeparam name="TFormat">The format.</typeparam>
/// <typeparam name="TMemory">Accessor to the memory that the tables are in.</typeparam>
public readonly struct PageTableReader<TFormat, TMemory>
    where TFormat : struct, IPageTableFormat
    where TMemory : struct, IMemoryAccessor
{
    private readonly TMemory _memory;
    private readonly int _outputBits;
    private readonly int _rootBits;
    private readonly int _halfBits;

    /// <summary>Opens tables at their root.</summary>
    /// <param name="memory">The memory that they are in.</param>
    /// <param name="root">Physical address of the root, a multiple of its size.</param>
    /// <param name="inputBits">Bits of an IOVA; what has more is refused.</param>
    /// <param name="outputBits">Bits of a physical address.</param>
    /// <exception cref="ArgumentOutOfRangeException">The format has no root for these widths, or none at that address.</exception>
    public PageTableReader(TMemory memory, ulong root, int inputBits, int outputBits)
    {
        if (outputBits < 1 || outputBits > TFormat.MaxOutputBits)
        {
            throw new ArgumentOutOfRangeException(
                nameof(outputBits), $"{TFormat.Name} holds physical addresses of 1 to {TFormat.MaxOutputBits} bits, not {outputBits}.");
        }

        if (inputBits is < 1 or > 64 || !Roots.TryFind<TFormat>(inputBits, outputBits, out int rootLevel, out _rootBits))
        {
            throw new ArgumentOutOfRangeException(nameof(inputBits), $"{TFormat.Name} has no root for IOVAs of {inputBits} bits.");
        }

        ulong bytes = 1ul << (_rootBits + TFormat.EntrySizeLog2);
        if ((root & (bytes - 1)) != 0 || root >> outputBits != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(root), $"A root of 0x{bytes:x} bytes is at a multiple of its size within {outputBits} bits, not at 0x{root:x}.");
        }

        _memory = memory;
        _outputBits = outputBits;
        IsSigned = TFormat.SignExtendsInput && inputBits == TFormat.EntryShift(rootLevel) + _rootBits;
        _halfBits = inputBits - (IsSigned ? 1 : 0);
        Root = new WalkTable(root, rootLevel, Protection.Read | Protection.Write);
    }

    /// <summary>The root, where a walk begins. It grants everything.</summary>
    public WalkTable Root { get; }

    /// <summary>Whether IOVAs are sign-extended to 64 bits, so that there is a low and a high half.</summary>
    public bool IsSigned { get; }

    /// <summary>Whether the tables translate IOVAs of that many bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ulong iova)
    {
        long high = _halfBits == 64 ? 0 : (long)iova >> _halfBits;
        return high == 0 || (IsSigned && high == -1);
    }

    /// <summary>Log2 of the entries in a table on the way.</summary>
    public int IndexBits(in WalkTable table) => table.Level == Root.Level ? _rootBits : TFormat.IndexBits(table.Level);

    /// <summary>Walks from the root to the end.</summary>
    /// <param name="iova">Any IOVA.</param>
    /// <returns>The last step; of an IOVA that is outside, one without an entry.</returns>
    public WalkStep Walk(ulong iova)
    {
        if (!Contains(iova))
        {
            return new WalkStep(WalkEnd.OutsideWidth, Root, 0, 0);
        }

        var step = Step(Root, iova);
        while (step.End == WalkEnd.Table)
        {
            step = Step(step.Next, iova);
        }

        return step;
    }

    /// <summary>Reads and follows the entry that translates an IOVA in one table.</summary>
    /// <param name="table">The table: the root, or where another step led.</param>
    /// <param name="iova">An IOVA that the tables contain.</param>
    public WalkStep Step(in WalkTable table, ulong iova)
    {
        ulong index = (iova >> TFormat.EntryShift(table.Level)) & ((1ul << IndexBits(table)) - 1);
        ulong address = table.Address + (index << TFormat.EntrySizeLog2);
        return TryRead(address, out ulong value)
            ? Follow(table, address, value, iova)
            : new WalkStep(WalkEnd.NotReadable, table, address, 0);
    }

    /// <summary>
    /// Reads the entry that translates an IOVA in one table, if it is a page: what <see cref="Step"/> says of one, in less time where the level is a
    /// constant to the compiler.
    /// </summary>
    /// <param name="address">Physical address of the table, which is not the root.</param>
    /// <param name="level">Its level.</param>
    /// <param name="above">What the way to it grants.</param>
    /// <param name="iova">An IOVA that the tables contain.</param>
    /// <param name="physicalAddress">What the IOVA translates to.</param>
    /// <param name="rights">The rights of the whole way; they may be none.</param>
    /// <returns>Whether the entry is a page; if not, <see cref="Step"/> says what it is.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadPage(ulong address, int level, Protection above, ulong iova, out ulong physicalAddress, out Protection rights)
    {
        physicalAddress = 0;
        rights = Protection.None;
        ulong index = (iova >> TFormat.EntryShift(level)) & ((1ul << TFormat.IndexBits(level)) - 1);
        if (!TryRead(address + (index << TFormat.EntrySizeLog2), out ulong value))
        {
            return false;
        }

        int outputBits = _outputBits;
        var entry = TFormat.Decode(value, level, outputBits);
        if (entry.Kind != WalkEntryKind.Leaf)
        {
            return false;
        }

        physicalAddress = entry.Address + (iova & ((1ul << entry.SizeLog2) - 1));
        rights = WalkEntry.Combine(above, entry.Rights);
        return physicalAddress >> outputBits == 0;
    }

    /// <summary>Follows an entry that was read already.</summary>
    /// <param name="table">The table that holds it.</param>
    /// <param name="entryAddress">Where it is.</param>
    /// <param name="value">The entry.</param>
    /// <param name="iova">An IOVA that it translates.</param>
    public WalkStep Follow(in WalkTable table, ulong entryAddress, ulong value, ulong iova)
    {
        var entry = TFormat.Decode(value, table.Level, _outputBits);
        var rights = WalkEntry.Combine(table.Rights, entry.Rights);
        switch (entry.Kind)
        {
            case WalkEntryKind.Leaf:
                // A page may be larger than what there is.
                ulong physical = entry.Address + (iova & ((1ul << entry.SizeLog2) - 1));
                return physical >> _outputBits == 0
                    ? new WalkStep(WalkEnd.Page, table, entryAddress, value, default, physical, entry.SizeLog2, rights)
                    : new WalkStep(WalkEnd.AddressTooWide, table, entryAddress, value);
            case WalkEntryKind.Table when entry.Level >= table.Level || entry.Level < 0:
                return new WalkStep(WalkEnd.Reserved, table, entryAddress, value);
            case WalkEntryKind.Table:
                // Where a pointer leaves levels out, the IOVA bits that they would translate are 0.
                return SkippedBits(iova, table.Level, entry.Level) == 0
                    ? new WalkStep(WalkEnd.Table, table, entryAddress, value, new WalkTable(entry.Address, entry.Level, rights))
                    : new WalkStep(WalkEnd.SkippedBits, table, entryAddress, value);
            default:
                return new WalkStep(EndOf(entry.Kind), table, entryAddress, value);
        }
    }

    private static WalkEnd EndOf(WalkEntryKind kind) => kind switch
    {
        WalkEntryKind.Reserved => WalkEnd.Reserved,
        WalkEntryKind.NotAccessed => WalkEnd.NotAccessed,
        WalkEntryKind.AddressTooWide => WalkEnd.AddressTooWide,
        _ => WalkEnd.NotPresent,
    };

    private static ulong SkippedBits(ulong iova, int from, int to)
    {
        int end = TFormat.EntryShift(from);
        int start = TFormat.EntryShift(to) + TFormat.IndexBits(to);
        return start >= end ? 0 : (iova & ((1ul << end) - 1)) >> start;
    }

    private bool TryRead(ulong address, out ulong entry)
    {
        // Into the variable itself, whose upper half stays 0 where entries are half as long.
        ulong value = 0;
        bool isRead = _memory.TryRead(address, MemoryMarshal.AsBytes(new Span<ulong>(ref value))[..(1 << TFormat.EntrySizeLog2)]);
        entry = BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
        return isRead;
    }
}
