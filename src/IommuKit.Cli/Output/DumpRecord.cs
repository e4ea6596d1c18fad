using IommuKit.Lab;
using IommuKit.Lab.PageTables.Dump;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit dump --json</c> writes. docs/json.md describes the fields.</summary>
internal sealed class DumpRecord(DumpResult dump)
{
    public string Format => dump.Format.Name;

    public int InputBits => dump.InputBits;

    public int OutputBits => dump.OutputBits;

    public string PageSizes => ByteSize.FormatAll(dump.PageSizes);

    public int TableCount => dump.Tables;

    public int EntriesUsed => dump.Entries;

    public int CacheLines => dump.CacheLines;

    public ulong BytesMapped => dump.BytesMapped;

    public long SkippedEvents => dump.SkippedEvents;

    public IReadOnlyList<DumpTableRecord> Tables => [.. dump.Root.Tables.Select(table => new DumpTableRecord(table))];

    public IReadOnlyList<DumpRangeRecord> Ranges => [.. dump.Root.Ranges.Select(range => new DumpRangeRecord(range))];
}
