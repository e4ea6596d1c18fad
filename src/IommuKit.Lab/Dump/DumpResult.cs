using IommuKit.Lab.Formats;

namespace IommuKit.Lab.Dump;

/// <summary>A page table that was built and read.</summary>
/// <param name="Format">The format.</param>
/// <param name="InputBits">Bits of an IOVA.</param>
/// <param name="OutputBits">Bits of a physical address.</param>
/// <param name="PageSizes">The page sizes in use, one bit for each.</param>
/// <param name="Root">The root and everything below.</param>
/// <param name="Trace">What the trace did; null if there is none.</param>
internal sealed record DumpResult(FormatKind Format, int InputBits, int OutputBits, ulong PageSizes, DumpTable Root, DumpTrace? Trace)
{
    /// <summary>The walk of one IOVA; null if none was asked for.</summary>
    public DumpWalk? Walk { get; init; }

    /// <summary>Tables, the root among them.</summary>
    public int Tables => Root.Tables.Count();

    /// <summary>Entries that are not vacant.</summary>
    public int Entries => Root.Tables.Sum(table => table.EntriesUsed);

    /// <summary>Lines of 64 bytes that hold them.</summary>
    public int CacheLines => Root.Tables.Sum(table => table.CacheLines);

    /// <summary>Bytes mapped.</summary>
    public ulong BytesMapped => Root.Ranges.Aggregate(0ul, (sum, range) => sum + range.Bytes);
}
