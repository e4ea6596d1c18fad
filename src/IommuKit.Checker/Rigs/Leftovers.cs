using System.Buffers.Binary;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Rigs;

/// <summary>What page-table memory is full of at the start: what its last owner may have left there, entries that grant everything.</summary>
internal static class Leftovers
{
    private const ulong Address = 0xe5e5_e5e5;

    /// <summary>Fills memory with leaves that a walker of the format takes for real.</summary>
    public static void Fill<TFormat>(Span<byte> memory)
        where TFormat : struct, IPageTableFormat
    {
        ulong page = Address & (ulong.MaxValue << TFormat.EntryShift(0));
        ulong entry = TFormat.LeafEntry(page, TFormat.LeafAttributes(Protection.Read | Protection.Write), 0, TFormat.EntryShift(0));
        int bytes = 1 << TFormat.EntrySizeLog2;
        for (; memory.Length >= bytes; memory = memory[bytes..])
        {
            if (bytes == sizeof(uint))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(memory, (uint)entry);
            }
            else
            {
                BinaryPrimitives.WriteUInt64LittleEndian(memory, entry);
            }
        }
    }
}
