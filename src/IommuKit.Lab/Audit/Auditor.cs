using IommuKit.Lab.Faults;
using IommuKit.Lab.Traces;

namespace IommuKit.Lab.Audit;

/// <summary>Reads a trace with maps, unmaps and invalidations, and finds flushes that are missing, late or wasted, in one pass.</summary>
public static class Auditor
{
    private const int MaxPieces = 4 << 20;

    /// <summary>Reads a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <param name="log">The kernel log of the same run, in which faults are looked for too; or null.</param>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static AuditResult Run(string path, bool isLenient = false, Action<long>? onRead = null, KernelLog? log = null)
    {
        using var reader = TraceReader.Open(path, isLenient, onRead);
        var pass = new AuditPass();
        var faults = new FaultObserver(log);
        while (reader.Read(out var traceEvent))
        {
            pass.Do(traceEvent);
            RefuseTooMany(path, traceEvent, pass);
            faults.Do(traceEvent, reader);
        }

        pass.Finish();
        return ResultOf(path, reader, pass, faults.Finish(reader.Overwritten));
    }

    /// <summary>What a pass found, when it is finished.</summary>
    internal static AuditResult ResultOf(string path, TraceReader reader, AuditPass pass, FaultReport faults)
    {
        var counts = pass.Counts;
        bool hasInvalidations = counts.Translations != 0;
        return new AuditResult
        {
            File = path,
            Lines = reader.Line,
            Maps = counts.Maps,
            Unmaps = counts.Unmaps,
            Others = counts.Others,
            Lost = Saturating.Add(counts.Lost, (ulong)reader.Overwritten),
            Invalidations = pass.Kinds.ByKind(),
            Mode = AuditInference.ModeOf(pass),
            CachingMode = AuditInference.CachingModeOf(pass),
            Domains = pass.Domains.Ids,
            Units = pass.Domains.Units,
            Coverage = hasInvalidations ? new AuditCoverage(pass.Coverage, counts, pass.Waste) : null,
            ReuseDistances = pass.Reuse.Distances,
            Findings = hasInvalidations ? AuditFindings.Of(pass, reader.Overwritten) : [],
            Limits = AuditLimits.Of(pass, reader.Overwritten),
            Faults = faults,
            Problem = reader.Problem,
        };
    }

    /// <summary>Keeps what a pass needs in bounds.</summary>
    /// <exception cref="InputException">More is mapped at a time than any kernel maps.</exception>
    internal static void RefuseTooMany(string path, in TraceEvent traceEvent, AuditPass pass)
    {
        if (pass.LivePieces > MaxPieces)
        {
            throw new InputException(
                TraceInput.NameOf(path), traceEvent.Line, $"more than {MaxPieces} separate ranges are mapped here at a time; no kernel does that");
        }
    }
}
