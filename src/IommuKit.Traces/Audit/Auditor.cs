using IommuKit.Traces.Faults;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Audit;

/// <summary>Reads a trace with maps, unmaps and invalidations, and finds flushes that are missing, late or wasted, in one pass.</summary>
public static class Auditor
{
    /// <summary>The longest pause between two unmaps of one burst, in nanoseconds.</summary>
    public const long MaxBurstPause = 1_000_000;

    /// <summary>Reads a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <param name="log">The kernel log of the same run, in which faults are looked for too; or null.</param>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static AuditResult Run(string path, bool isLenient = false, Action<long>? onRead = null, KernelLog? log = null)
    {
        using var reader = TraceFile.Open(path, isLenient, onRead);
        var audit = new TraceAudit(path, log);
        while (reader.Read(out var traceEvent))
        {
            audit.Do(traceEvent, reader);
        }

        return audit.Finish(reader);
    }
}
