using System.Globalization;
using System.Text;
using IommuKit.Traces.Faults;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>A folder with a kernel log, the trace of the same boot, and what really happened.</summary>
internal sealed class FaultCapture
{
    private FaultCapture(string folder)
    {
        Folder = folder;
        Accesses =
        [
            .. File.ReadLines(Path.Combine(folder, "truth.txt")).Where(line => line.StartsWith('F')).Select(line => new ProvokedAccess(line)),
        ];
    }

    public string Folder { get; }

    /// <summary>The accesses that were provoked.</summary>
    public IReadOnlyList<ProvokedAccess> Accesses { get; }

    public string Log => Path.Combine(Folder, "dmesg.txt");

    public string Trace => Path.Combine(Folder, "trace.gz");

    public static FaultCapture Shared(string name) => new(RepositoryFiles.InShared("faults", name));

    public static FaultCapture Open(string folder) => new(folder);

    /// <summary>Explains the faults of a log that is given as text, and of none or a trace as text.</summary>
    public static FaultReport ExplainText(string log, string? trace = null, string? kernel = null)
    {
        var observer = new FaultObserver(KernelLogReader.Read(new MemoryStream(Encoding.Latin1.GetBytes(log)), "log", "log"));
        if (trace is null)
        {
            return observer.Finish();
        }

        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, trace);
            using var reader = TraceFile.Open(path);
            while (reader.Read(out var traceEvent))
            {
                observer.Do(traceEvent, reader);
            }

            return observer.Finish(reader.Overwritten, kernel);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Explains the faults of a log and a trace; of the trace without its messages, if so wished.</summary>
    public static FaultReport Explain(string? log, string? trace, Func<TraceEvent, bool>? isSeen = null)
    {
        var observer = new FaultObserver(log is null ? null : KernelLogReader.Read(log));
        if (trace is null)
        {
            return observer.Finish();
        }

        using var reader = TraceFile.Open(trace);
        while (reader.Read(out var traceEvent))
        {
            if (isSeen is null || isSeen(traceEvent))
            {
                observer.Do(traceEvent, reader);
            }
        }

        return observer.Finish(reader.Overwritten);
    }
}

/// <summary>A line of truth.txt.</summary>
internal sealed class ProvokedAccess
{
    private readonly Dictionary<string, string> _fields;

    public ProvokedAccess(string line)
    {
        string[] parts = line.Split(" | ");
        Name = parts[0];
        _fields = parts[1..].Select(part => part.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
    }

    public string Name { get; }

    public string this[string field] => _fields.GetValueOrDefault(field, "-");

    public bool IsLogged => this["logged"].StartsWith("yes");

    public bool IsHeaderOnly => this["logged"].StartsWith("header-only");

    public (long First, long Last) DmesgLines
    {
        get
        {
            string[] ends = this["dmesg_lines"].Split('-');
            return (long.Parse(ends[0], CultureInfo.InvariantCulture), long.Parse(ends[^1], CultureInfo.InvariantCulture));
        }
    }

    public FaultCause Cause => this["cause"] switch
    {
        "after-unmap" => FaultCause.UsedAfterUnmap,
        "past-end" => FaultCause.PastTheEnd,
        "no-permission" => FaultCause.NoPermission,
        "never-mapped" => FaultCause.NeverMapped,
        _ => FaultCause.Unknown,
    };

    /// <summary>The line of "line 1010 @6.846933" or "map line 1253"; null for "-".</summary>
    public long? LineOf(string field) => this[field] == "-"
        ? null
        : long.Parse(this[field].Split(' ').SkipWhile(word => word != "line").ElementAt(1), CultureInfo.InvariantCulture);

    public ulong Page => Convert.ToUInt64(this["fault_iova"] == "-" ? this["iova"] : this["fault_iova"], 16) & ~0xffful;

    /// <summary>Bus, device and function.</summary>
    public uint Requester
    {
        get
        {
            string[] parts = this["dev"].Split(':', '.');
            return (Convert.ToUInt32(parts[1], 16) << 8) | (Convert.ToUInt32(parts[2], 16) << 3) | Convert.ToUInt32(parts[3], 16);
        }
    }
}
