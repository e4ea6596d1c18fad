using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Tracing;

/// <summary>
/// Records the events of IOMMUs in a tracing instance of its own, so that nobody's tracing is disturbed, and fetches them while they happen.
/// Disposing removes the instance, and with it everything that was changed.
/// </summary>
internal sealed class TraceRecorder : IDisposable
{
    private const string NamePrefix = "iommukit-";
    private const int PieceBytes = 64 << 10;

    // Between two looks whether there is more; buffers hold what comes meanwhile.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private static readonly string[] Clocks = ["mono", "global"];

    private readonly HostFiles _files;
    private readonly string _instance;
    private readonly List<string> _events = [];
    private SafeFileHandle? _pipe;
    private bool _isOn;

    private TraceRecorder(HostFiles files, string instance)
    {
        _files = files;
        _instance = instance;
    }

    /// <summary>The events that are recorded, such as "iommu/map".</summary>
    public IReadOnlyList<string> Events => _events;

    /// <summary>The clock of their times.</summary>
    public string Clock { get; private set; } = string.Empty;

    /// <summary>Makes everything ready; nothing is recorded yet.</summary>
    /// <exception cref="HostException">It cannot be recorded here; everything is as it was.</exception>
    public static TraceRecorder Prepare(HostFiles files, RecordSettings settings)
    {
        string folder = Tracefs.Find(files);
        if (TraceEvents.Needed.FirstOrDefault(name => !files.HasFolder($"{folder}/events/{name}")) is { } missing)
        {
            throw new HostException(
                HostProblem.Unavailable,
                $"the kernel has no event {missing.Replace('/', ':')}: one with CONFIG_IOMMU_API and CONFIG_FTRACE is needed");
        }

        RemoveLeftOvers(files, folder);
        string name = string.Create(CultureInfo.InvariantCulture, $"{NamePrefix}{Environment.ProcessId}");
        var recorder = new TraceRecorder(files, $"{folder}/instances/{name}");
        recorder.Make();
        try
        {
            recorder.SetUp(settings);
            return recorder;
        }
        catch
        {
            recorder.Dispose();
            throw;
        }
    }

    /// <summary>Starts recording.</summary>
    /// <exception cref="HostException">The kernel refused it.</exception>
    public void Start()
    {
        Set("tracing_on", "1");
        _isOn = true;
    }

    /// <summary>Writes down what is recorded until told to stop, and then what is left.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="HostException">The kernel refused something.</exception>
    /// <exception cref="IOException">It cannot be written down.</exception>
    public void CopyUntil(Stream output, CancellationToken stop)
    {
        byte[] piece = new byte[PieceBytes];
        while (true)
        {
            // Asked before the read: after the last event there is one more look.
            bool isLast = stop.IsCancellationRequested;
            if (isLast)
            {
                Stop();
            }

            int count;
            while ((count = Fetch(piece)) > 0)
            {
                output.Write(piece, 0, count);
                if (!isLast && stop.IsCancellationRequested)
                {
                    break;
                }
            }

            if (isLast)
            {
                return;
            }

            stop.WaitHandle.WaitOne(count > 0 ? TimeSpan.Zero : Pause);
        }
    }

    /// <summary>Events that the kernel could not keep, of all processors, so far.</summary>
    public long CountLost()
    {
        long lost = 0;
        foreach (string cpu in _files.Names($"{_instance}/per_cpu"))
        {
            foreach (string line in _files.TryRead($"{_instance}/per_cpu/{cpu}/stats")?.Split('\n') ?? [])
            {
                string[] parts = line.Split(": ");
                bool isLoss = parts is ["overrun" or "commit overrun" or "dropped events", _];
                lost += isLoss && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long count) ? count : 0;
            }
        }

        return lost;
    }

    /// <summary>Ends recording, and puts everything back as it was.</summary>
    public void Dispose()
    {
        _pipe?.Dispose();
        try
        {
            Stop();
        }
        catch (HostException)
        {
            // It goes with the instance.
        }

        try
        {
            _files.RemoveFolder(_instance);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody reads it at this moment, or took it away. The next recording tries once more.
        }
    }

    /// <summary>Removes instances of recordings whose process was killed.</summary>
    private static void RemoveLeftOvers(HostFiles files, string folder)
    {
        foreach (string name in files.Names($"{folder}/instances").Where(name => name.StartsWith(NamePrefix, StringComparison.Ordinal)))
        {
            bool isNumber = int.TryParse(name.AsSpan(NamePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int process);
            if (isNumber && (process == Environment.ProcessId || !files.HasFolder(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}"))))
            {
                try
                {
                    files.RemoveFolder($"{folder}/instances/{name}");
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // As above.
                }
            }
        }
    }

    private void Make()
    {
        try
        {
            _files.MakeFolder(_instance);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Tracefs.Problem(_files, "making an instance", e);
        }
    }

    private void SetUp(RecordSettings settings)
    {
        Set("tracing_on", "0");
        Set("buffer_size_kb", settings.BufferKilobytes.ToString(CultureInfo.InvariantCulture));
        Clock = ChooseClock();
        foreach (string name in TraceEvents.Needed)
        {
            Enable(name);
        }

        foreach (string name in settings.WithDma ? [.. TraceEvents.Wanted, TraceEvents.Dma] : TraceEvents.Wanted)
        {
            if (_files.HasFolder($"{_instance}/events/{name}"))
            {
                Enable(name);
            }
        }

        try
        {
            _pipe = _files.OpenToRead($"{_instance}/trace_pipe");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Tracefs.Problem(_files, "trace_pipe", e);
        }
    }

    private void Enable(string name)
    {
        Set($"events/{name}/enable", "1");
        _events.Add(name);
    }

    /// <summary>Chooses one that goes on evenly on all processors, and that other logs of the machine have too.</summary>
    private string ChooseClock()
    {
        string[] offered = (_files.TryRead($"{_instance}/trace_clock") ?? string.Empty).Split(' ');
        string? clock = Clocks.FirstOrDefault(name => offered.Contains(name) || offered.Contains($"[{name}]"));
        if (clock is null)
        {
            return offered.FirstOrDefault(name => name.StartsWith('['))?.Trim('[', ']') ?? string.Empty;
        }

        Set("trace_clock", clock);
        return clock;
    }

    private void Stop()
    {
        if (_isOn)
        {
            Set("tracing_on", "0");
            _isOn = false;
        }
    }

    private int Fetch(byte[] piece)
    {
        try
        {
            return HostCalls.Read(_pipe!, piece);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Tracefs.Problem(_files, "trace_pipe", e);
        }
    }

    private void Set(string name, string value)
    {
        try
        {
            _files.Write($"{_instance}/{name}", value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Tracefs.Problem(_files, name, e);
        }
    }
}
