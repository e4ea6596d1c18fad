using System.Globalization;
using IommuKit.Lab.Dump;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Inspect;

/// <summary>What a page table maps.</summary>
internal sealed class InspectedTable
{
    // The names of tables, by level.
    private static readonly string[] Names = [.. Enumerable.Range(0, 8).Select(level => string.Create(CultureInfo.InvariantCulture, $"a page table (level {level})"))];

    private InspectedTable(InspectRange[] tables, InspectMapping[] mappings, long problems, string? firstProblem, bool isCut)
    {
        Tables = tables;
        Mappings = mappings;
        Problems = problems;
        FirstProblem = firstProblem;
        IsCut = isCut;
        Bytes = Sum(Mappings);
        WritableBytes = Sum(Writable);
    }

    /// <summary>Tables, the root among them.</summary>
    public IReadOnlyList<InspectRange> Tables { get; }

    /// <summary>What is mapped, by IOVA.</summary>
    public IReadOnlyList<InspectMapping> Mappings { get; }

    /// <summary>Entries that are illegal, or lead nowhere.</summary>
    public long Problems { get; }

    /// <summary>The first of them in words; null if there is none.</summary>
    public string? FirstProblem { get; }

    /// <summary>Whether there is more than was looked at.</summary>
    public bool IsCut { get; }

    /// <summary>Bytes mapped.</summary>
    public ulong Bytes { get; }

    /// <summary>Bytes that may be written.</summary>
    public ulong WritableBytes { get; }

    /// <summary>What may be written.</summary>
    public IEnumerable<InspectMapping> Writable => Mappings.Where(mapping => mapping.IsWritable);

    /// <summary>Reads a table; null, and why, if that is not possible.</summary>
    public static InspectedTable? Read(InspectTable table, IMemoryAccessor memory, InspectBudget budget, out string? why)
    {
        why = null;
        if (budget.Left is not { Tables: > 0, Ranges: > 0 })
        {
            budget.Spend(0, 0, isCut: true);
            return new InspectedTable([], [], 0, null, isCut: true);
        }

        ForeignDumpResult read;
        try
        {
            read = ForeignDump.Read(table.Format, memory, table.Root, table.InputBits, table.OutputBits, budget.Left);
        }
        catch (InputException e)
        {
            why = e.Message;
            return null;
        }

        int entryLog2 = table.Format.EntrySizeLog2;
        InspectRange[] tables =
        [
            .. read.Dump.Root.Tables.Select(one => new InspectRange(
                one.Address, one.Address + ((ulong)one.Entries << entryLog2) - 1, Names[one.OwnLevel])),
        ];
        InspectMapping[] mappings = [.. read.Dump.Root.Ranges.Select(MappingOf).OrderBy(mapping => mapping.Iova)];
        budget.Spend(tables.Length, mappings.Length, read.IsCut);
        return new InspectedTable(
            tables,
            mappings,
            read.ProblemCount,
            read.Problems is [var first, ..] ? $"entry 0x{first.Value:x} at 0x{first.EntryAddress:x}: {first.Meaning}" : null,
            read.IsCut);
    }

    /// <summary>The mapping around an address; null if there is none.</summary>
    public InspectMapping? Find(ulong iova)
    {
        int index = FirstBehind(iova) - 1;
        return index >= 0 && Mappings[index].LastIova >= iova ? Mappings[index] : null;
    }

    /// <summary>The parts of a range of addresses that are mapped.</summary>
    public IEnumerable<InspectMapping> Pieces(ulong first, ulong last)
    {
        int index = FirstBehind(first);
        for (index = index > 0 && Mappings[index - 1].LastIova >= first ? index - 1 : index; index < Mappings.Count; index++)
        {
            var mapping = Mappings[index];
            if (mapping.Iova > last)
            {
                yield break;
            }

            ulong from = Math.Max(first, mapping.Iova);
            ulong to = Math.Min(last, mapping.LastIova);
            yield return mapping with { Iova = from, First = mapping.First + (from - mapping.Iova), Last = mapping.First + (to - mapping.Iova) };
        }
    }

    /// <summary>The same where another stage translates what this one says.</summary>
    public InspectedTable Behind(InspectedTable second, InspectBudget budget)
    {
        var left = budget.Left;
        InspectRange[] tables =
        [
            .. Tables
                .SelectMany(table => second.Pieces(table.First, table.Last).Select(piece => table with { First = piece.First, Last = piece.Last }))
                .Take((int)left.Tables),
        ];
        InspectMapping[] mappings =
        [
            .. Mappings
                .SelectMany(mapping => second.Pieces(mapping.First, mapping.Last).Select(piece => piece with
                {
                    Iova = mapping.Iova + (piece.Iova - mapping.First),
                    IsReadable = mapping.IsReadable && piece.IsReadable,
                    IsWritable = mapping.IsWritable && piece.IsWritable,
                }))
                .Take((int)left.Ranges),
        ];
        bool isCut = tables.Length >= left.Tables || mappings.Length >= left.Ranges;
        budget.Spend(tables.Length, mappings.Length, isCut);
        return new InspectedTable(tables, mappings, Problems, FirstProblem, IsCut || second.IsCut || isCut);
    }

    private static InspectMapping MappingOf(DumpRange range) => new(
        range.Iova,
        range.PhysicalAddress,
        range.LastPhysicalAddress,
        (range.Protection & Protection.Read) != 0,
        (range.Protection & Protection.Write) != 0);

    private static ulong Sum(IEnumerable<InspectMapping> mappings) => mappings.Aggregate(0ul, (sum, mapping) => sum + mapping.Bytes);

    private int FirstBehind(ulong iova)
    {
        int low = 0;
        for (int high = Mappings.Count; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = Mappings[middle].Iova <= iova ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
