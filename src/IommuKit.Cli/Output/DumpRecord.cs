using IommuKit.Lab;
using IommuKit.Lab.Dump;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit dump --json</c> writes. docs/json.md describes the fields.</summary>
internal sealed class DumpRecord(DumpResult dump, ForeignDumpResult? foreign = null)
{
    public string Format => dump.Format.Name;

    public int InputBits => dump.InputBits;

    public int OutputBits => dump.OutputBits;

    public string PageSizes => ByteSize.FormatAll(dump.PageSizes);

    public int TableCount => dump.Tables;

    public int EntriesUsed => dump.Entries;

    public int CacheLines => dump.CacheLines;

    public ulong BytesMapped => dump.BytesMapped;

    public long SkippedEvents => dump.Trace?.Skipped.Sum(skipped => skipped.Count) ?? 0;

    public IReadOnlyList<DumpTableRecord> Tables => [.. dump.Root.Tables.Select(table => new DumpTableRecord(dump.Format, table))];

    public IReadOnlyList<DumpRangeRecord> Ranges => [.. dump.Root.Ranges.Select(range => new DumpRangeRecord(dump.Format, range))];

    public IReadOnlyList<SkippedRecord> Skipped => Skips.Records(dump.Trace?.Skipped ?? []);

    public ulong? PeakLivePages => dump.Trace?.PeakBytes / SmallPage.Bytes;

    public long? PeakLine => dump.Trace?.PeakLine;

    public bool IsPeak => dump.Trace is { IsPeak: true };

    public IReadOnlyList<DumpStepRecord>? Walk => dump.Walk is { } walk ? DumpStepRecord.Of(dump.Format, walk) : null;

    public string? Problem => dump.Trace?.Problem;

    public long? IllegalEntries => foreign?.ProblemCount;

    public IReadOnlyList<DumpProblemRecord>? Illegal => foreign is null ? null : [.. foreign.Problems.Select(problem => new DumpProblemRecord(problem))];

    public bool? IsCut => foreign?.IsCut;
}
