using IommuKit.Lab.Dump;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Inspect;

/// <summary>What a page table maps.</summary>
/// <param name="Tables">Tables, the root among them.</param>
/// <param name="Bytes">Bytes mapped.</param>
/// <param name="WritableBytes">Bytes that may be written.</param>
/// <param name="Writable">Where writes come out, a range each.</param>
/// <param name="Problems">Entries that are illegal, or lead nowhere.</param>
/// <param name="FirstProblem">The first of them in words; null if there is none.</param>
internal sealed record InspectedTable(
    IReadOnlyList<InspectRange> Tables,
    ulong Bytes,
    ulong WritableBytes,
    IReadOnlyList<(ulong Iova, ulong First, ulong Last)> Writable,
    long Problems,
    string? FirstProblem)
{
    /// <summary>Reads a table; null, and why, if that is not possible.</summary>
    public static InspectedTable? Read(InspectTable table, IMemoryAccessor memory, out string? why)
    {
        ForeignDumpResult read;
        try
        {
            read = ForeignDump.Read(table.Format, memory, table.Root, table.InputBits, table.OutputBits);
            why = null;
        }
        catch (InputException e)
        {
            why = e.Message;
            return null;
        }

        int entryLog2 = table.Format.EntrySizeLog2;
        var ranges = read.Dump.Root.Ranges.ToList();
        var writable = ranges.Where(range => (range.Protection & Protection.Write) != 0).ToList();
        return new InspectedTable(
            [
                .. read.Dump.Root.Tables.Select(one => new InspectRange(
                    one.Address, one.Address + ((ulong)one.Entries << entryLog2) - 1, $"a page table (level {one.OwnLevel})")),
            ],
            Sum(ranges),
            Sum(writable),
            [.. writable.Select(range => (range.Iova, range.PhysicalAddress, range.LastPhysicalAddress))],
            read.ProblemCount,
            read.Problems is [var first, ..] ? $"entry 0x{first.Value:x} at 0x{first.EntryAddress:x}: {first.Meaning}" : null);
    }

    private static ulong Sum(IEnumerable<DumpRange> ranges) => ranges.Aggregate(0ul, (sum, range) => sum + range.Bytes);
}
