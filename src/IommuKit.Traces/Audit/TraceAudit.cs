using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Audit;

/// <summary>
/// Follows a trace event by event, and says at its end what its invalidations and faults show: for a program that reads the trace for something else
/// too. What it needs is bounded, whatever the trace holds.
/// </summary>
/// <example>
/// <code>
/// using var reader = TraceFile.Open("trace.gz");
/// var audit = new TraceAudit("trace.gz");
/// while (reader.Read(out var traceEvent))
/// {
///     audit.Do(traceEvent, reader);
/// }
///
/// var result = audit.Finish(reader);
/// </code>
/// </example>
/// <param name="path">The file that is read, for messages and the result.</param>
/// <param name="log">The kernel log of the same run, in which faults are looked for too; or null.</param>
public sealed class TraceAudit(string path, KernelLog? log = null)
{
    private const int MaxPieces = 4 << 20;

    private readonly AuditPass _pass = new();
    private readonly FaultObserver _faults = new(log);

    /// <summary>Follows an event.</summary>
    /// <param name="traceEvent">The event that the reader has read last.</param>
    /// <param name="reader">The reader, for the event's text and task.</param>
    /// <exception cref="InputException">More is mapped at a time than any kernel maps.</exception>
    public void Do(in TraceEvent traceEvent, TraceReader reader)
    {
        _pass.Do(traceEvent);
        if (_pass.LivePieces > MaxPieces)
        {
            throw new InputException(
                TraceReader.NameOf(path), traceEvent.Line, $"more than {MaxPieces} separate ranges are mapped here at a time; no kernel does that");
        }

        _faults.Do(traceEvent, reader);
    }

    /// <summary>Ends the trace.</summary>
    /// <param name="reader">The reader, which has read all of it.</param>
    public AuditResult Finish(TraceReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _pass.Finish();
        var counts = _pass.Counts;
        bool hasInvalidations = counts.Translations != 0;

        // Where a file is short of what it promises, its end may be cut off, or lines may be taken out of its middle: it looks the same.
        bool isIncomplete = counts.Lost != 0 || counts.Damaged != 0 || counts.Unknown != 0 || counts.VtdMappings != 0 || reader.Overwritten != 0 || reader.Missing != 0;
        return new AuditResult
        {
            File = path,
            Lines = reader.Line,
            Maps = counts.Maps,
            Unmaps = counts.Unmaps,
            Others = counts.Others,
            Lost = Saturating.Add(counts.Lost, (ulong)reader.Overwritten),
            Missing = reader.Missing,
            UnknownLines = counts.Unknown,
            IsIncomplete = isIncomplete,
            OutOfOrder = counts.TimesBackwards,
            Damaged = counts.Damaged,
            HasTimes = counts.HasTimes,
            Invalidations = _pass.Kinds.ByKind(),
            Mode = AuditInference.ModeOf(_pass),
            CachingMode = AuditInference.CachingModeOf(_pass),
            Domains = _pass.Domains.Ids,
            Units = _pass.Domains.Units,
            Coverage = hasInvalidations ? new AuditCoverage(_pass.Coverage, counts, _pass.Waste) : null,
            ReuseDistances = _pass.Reuse.Distances,
            Findings = hasInvalidations ? AuditFindings.Of(_pass, isIncomplete) : [],
            Limits = AuditLimits.Of(_pass, reader.Overwritten, reader.Missing),
            Faults = _faults.Finish(Saturating.Add(reader.Overwritten, (ulong)reader.Missing), reader.Kernel),
            Problem = reader.Problem,
        };
    }
}
