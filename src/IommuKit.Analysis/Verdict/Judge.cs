using IommuKit.Traces;
using IommuKit.Traces.Faults;
using IommuKit.Traces.Files;

namespace IommuKit.Analysis.Verdict;

/// <summary>Reads a trace in one pass, and judges its flushes.</summary>
public static class Judge
{
    /// <summary>Reads a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="log">The kernel log of the same run, or null.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static VerdictResult Run(string path, KernelLog? log = null, bool isLenient = false, Action<long>? onRead = null)
    {
        using var reader = TraceFile.Open(path, isLenient, onRead);
        var pass = new VerdictPass(path, log);
        while (reader.Read(out var traceEvent))
        {
            pass.Do(traceEvent, reader);
        }

        return pass.Finish(reader);
    }
}
