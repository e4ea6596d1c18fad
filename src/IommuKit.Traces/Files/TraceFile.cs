using IommuKit.Traces.Dat;

namespace IommuKit.Traces.Files;

/// <summary>Opens traces of any form, which is recognised by content.</summary>
/// <remarks>
/// Text: ftrace's files trace and trace_pipe under any print options that leave the events their fields, and what trace-cmd report and perf
/// script print. Binary: trace.dat of trace-cmd, file versions 6 and 7. All of them plain or gzip, and from pipes.
/// </remarks>
public static class TraceFile
{
    /// <summary>Opens a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">The file cannot be read or is not a trace that can be used.</exception>
    /// <example>
    /// <code>
    /// using var reader = TraceFile.Open("nvme.trace.gz");
    /// while (reader.Read(out var traceEvent))
    /// {
    ///     Console.WriteLine($"{traceEvent.Kind} {traceEvent.Iova:x}");
    /// }
    /// </code>
    /// </example>
    public static TraceReader Open(string path, bool isLenient = false, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        var input = TraceInput.Open(path, onRead);
        try
        {
            return input.IsDat ? new DatTraceReader(input, isLenient) : new TextTraceReader(input, isLenient);
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }
}
