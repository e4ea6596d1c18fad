using System.Text;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <summary>
/// Follows a trace, event by event, and explains the faults in it and in a kernel log beside it. It is given every event in order, and asked for the
/// report at the end; what it needs is bounded, whatever the trace holds.
/// </summary>
/// <example>
/// <code>
/// var observer = new FaultObserver(KernelLogReader.Read("dmesg.txt"));
/// using var reader = TraceFile.Open("trace.gz");
/// while (reader.Read(out var traceEvent))
/// {
///     observer.Do(traceEvent, reader);
/// }
///
/// var report = observer.Finish(reader.Overwritten + reader.Missing, reader.Kernel);
/// </code>
/// </example>
public sealed class FaultObserver
{
    // Faults in the trace itself; an io_page_fault is not limited by any rate.
    private const int MaxSightings = 2 * KernelLog.MaxFaults;

    // How many of the faults before it a message is compared with, to find the event it belongs to.
    private const int MaxBack = 256;

    // Unmaps that one invalidation of pages may follow, and live mappings whose end is waited for.
    private const int MaxPending = 64;
    private const int MaxWatched = 1024;

    private readonly KernelLog? _log;
    private readonly KernelLog _messages = new();
    private readonly FaultMessages _decoder;
    private readonly List<Sighting> _sightings = [];
    private readonly MappingHistory _history;
    private readonly TaskNames _tasks = new();
    private readonly RecordedIommu _iommu = new();
    private readonly DeviceDomains _devices = new();
    private readonly List<MappingMoment> _pending = [];
    private readonly List<Sighting> _watched = [];
    private readonly LogPlaces? _places;
    private TraceEvent _now;
    private long _events;
    private bool _hasConsole;
    private long _mappings;
    private long _lost;
    private long _notKept;
    private long _firstTime = -1;
    private long _firstMapping = -1;
    private long _lastTime = -1;

    /// <summary>Starts before the first event.</summary>
    /// <param name="log">The kernel log of the same run, or null.</param>
    public FaultObserver(KernelLog? log = null)
        : this(log, new MappingHistory())
    {
    }

    internal FaultObserver(KernelLog? log, MappingHistory history)
    {
        _log = log;
        _history = history;
        _decoder = new FaultMessages(_messages, See);
        _places = log is null ? null : new LogPlaces(log);
    }

    /// <summary>Follows an event.</summary>
    /// <param name="traceEvent">The event that the reader has read last.</param>
    /// <param name="reader">The reader, for the event's text and task.</param>
    public void Do(in TraceEvent traceEvent, TraceReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _events++;
        _iommu.See(traceEvent, reader);
        if (traceEvent.Nanoseconds >= 0)
        {
            _firstTime = _firstTime < 0 ? traceEvent.Nanoseconds : _firstTime;
            _lastTime = traceEvent.Nanoseconds;
            _places?.At(_lastTime, _history);
        }

        switch (traceEvent.Kind)
        {
            case TraceEventKind.Map:
            case TraceEventKind.Unmap:
                Change(traceEvent, reader);
                break;
            case TraceEventKind.CacheTagFlush:
                Flush(traceEvent);
                break;
            case TraceEventKind.TagAssign:
                _devices.Assign(_tasks.Of(reader.Task), traceEvent.DomainId);
                break;
            case TraceEventKind.Attach:
                _devices.Attach(_tasks.Of(reader.Task), traceEvent.Device);
                break;
            case TraceEventKind.PageFault:
                SeeEvent(traceEvent, reader.Message);
                break;
            case TraceEventKind.Console:
                _hasConsole = true;
                ReadMessage(traceEvent, reader.Message);
                break;
            case TraceEventKind.Lost:
                _lost = Saturating.Add(_lost, traceEvent.Size);
                break;
            case TraceEventKind.Damaged:
                _lost = Saturating.Add(_lost, 1);
                break;
            default:
                break;
        }
    }

    /// <summary>
    /// Ends the trace, and says what is known of the faults. It can be asked for without any event before: then there was no trace.
    /// </summary>
    /// <param name="absent">
    /// Events that the trace lacks and does not say where: overwritten before it was read, or promised by the file and not in it.
    /// </param>
    /// <param name="kernel">The kernel that the trace is of, as in <see cref="TraceReader.Kernel"/>; null if it does not say.</param>
    public FaultReport Finish(long absent = 0, string? kernel = null)
    {
        _decoder.Finish();
        bool isOtherKernel = kernel is not null && _log?.Machine.Kernel is { } logged && logged != kernel;
        var merged = new FaultMerger(_log, _sightings, _iommu.Name, isOtherKernel).Merge();
        if (_events != 0 && _places is not null)
        {
            _places.Place(merged, _history, (_firstTime, _firstMapping, _lastTime));
            foreach (var sighting in merged.Sightings.Where(sighting => sighting.Line == 0))
            {
                Note(sighting);
            }
        }

        return new FaultReporting
        {
            Log = _log,
            Messages = _messages,
            Merged = merged,
            History = _history,
            Tasks = _tasks,
            HasTrace = _events != 0,
            HasConsole = _hasConsole,
            Devices = _devices.Devices,
            Lost = _lost,
            Absent = absent,
            NotKept = _notKept,
        }.Make();
    }

    private void Change(in TraceEvent change, TraceReader reader)
    {
        if (change.Size == 0)
        {
            return;
        }

        _devices.ForgetTag();
        _firstMapping = _mappings++ == 0 ? change.Nanoseconds : _firstMapping;
        var moment = new MappingMoment(
            change.Line, change.Nanoseconds, change.Iova, change.LastIova, _tasks.Of(reader.Task), reader.IsInInterrupt);
        if (change.Kind == TraceEventKind.Map)
        {
            _history.Map(moment);
        }
        else
        {
            _history.Unmap(moment);

            // Without the domain of any device there is nothing to compare that of an unmap with.
            if (_devices.HasDomains)
            {
                if (_pending.Count == MaxPending)
                {
                    _pending.RemoveRange(0, MaxPending / 2);
                }

                _pending.Add(moment);
            }
        }

        _places?.Changed(moment, _history);
    }

    /// <summary>An invalidation of pages on VT-d: it tells the domain of the unmaps before it.</summary>
    private void Flush(in TraceEvent flush)
    {
        if (flush.Size == 0 || (flush.Flush & (CacheTagFlush.AfterMap | CacheTagFlush.DeviceTlb)) != 0)
        {
            return;
        }

        for (int at = _pending.Count - 1; at >= 0; at--)
        {
            var unmap = _pending[at];
            if (unmap.First < flush.Iova || unmap.Last > flush.LastIova)
            {
                continue;
            }

            _pending.RemoveAt(at);
            _history.NoteDomain(unmap, flush.DomainId);
            for (int watched = _watched.Count - 1; watched >= 0; watched--)
            {
                var sighting = _watched[watched];
                ulong iova = sighting.Fault.Iova!.Value;
                if (iova >= unmap.First && iova <= unmap.Last)
                {
                    if (_history.At(iova).Map.Line == sighting.State!.Value.Map.Line)
                    {
                        sighting.MapDomain = flush.DomainId;
                    }

                    _watched.RemoveAt(watched);
                }
            }
        }
    }

    private void SeeEvent(in TraceEvent fault, ReadOnlySpan<byte> device)
    {
        if (_sightings.Count >= MaxSightings)
        {
            _notKept++;
            return;
        }

        var logged = new LoggedFault
        {
            Reporter = FaultReporter.TraceEvent,
            Line = fault.Line,
            Nanoseconds = fault.Nanoseconds,
            Iova = fault.Iova,
            Direction = (fault.Size & 1) != 0 ? FaultDirection.Write : FaultDirection.Read,
            Device = Encoding.Latin1.GetString(device[..Math.Min(device.Length, 64)]),
            Requester = fault.Device,
            HasSegment = true,
            Reason = "the driver does not say why",
        };
        Add(new Sighting { Fault = logged, Line = fault.Line, Nanoseconds = fault.Nanoseconds, IsEvent = true, HasEvent = true });
    }

    private void ReadMessage(in TraceEvent console, ReadOnlySpan<byte> message)
    {
        if (!KernelLogReader.CanMatter(message))
        {
            return;
        }

        _now = console;
        try
        {
            _decoder.Read(Encoding.Latin1.GetString(message[..Math.Min(message.Length, 4096)]), (console.Line, console.Nanoseconds, LogClock.None));
        }
        catch (RegexMatchTimeoutException)
        {
            // No message of a kernel takes a second to read.
        }
    }

    /// <summary>A message in the trace tells of a fault. If the event of the same fault came before it, it only adds to that.</summary>
    private void See(LoggedFault fault)
    {
        for (int at = _sightings.Count - 1; at >= Math.Max(0, _sightings.Count - MaxBack); at--)
        {
            var earlier = _sightings[at];
            bool isSameDevice = fault.IsSameDevice(earlier.Fault) || (fault.Requester is null != earlier.Fault.Requester is null);
            if (earlier.IsEvent && fault.Iova == earlier.Fault.Iova && isSameDevice)
            {
                earlier.IsEvent = false;
                earlier.Fault = fault;
                return;
            }
        }

        if (_sightings.Count >= MaxSightings)
        {
            _notKept++;
            return;
        }

        Add(new Sighting { Fault = fault, Line = fault.Line, Nanoseconds = fault.Nanoseconds >= 0 ? fault.Nanoseconds : _now.Nanoseconds });
    }

    private void Add(Sighting sighting)
    {
        if (sighting.Fault.Iova is { } iova)
        {
            // The heading of a message comes first, and what is mapped or unmapped until the IOVA is printed comes after the fault.
            sighting.State = _history.At(iova, sighting.Line);
        }

        Note(sighting);
        sighting.IsBeforeMappings = _mappings == 0;
        _sightings.Add(sighting);
        if (sighting.State is { Depth: 1, IsHalfLive: false } && _watched.Count < MaxWatched)
        {
            _watched.Add(sighting);
        }
    }

    /// <summary>Takes note of what the trace says of the domain.</summary>
    private void Note(Sighting sighting)
    {
        sighting.IsAfterLoss |= _lost != 0;
        sighting.HasWholeHistory = _devices.HasAttached(sighting.Fault);
        sighting.DeviceDomain = _devices.DomainOf(sighting.Fault);
        sighting.LikelyDevice = _devices.LikelyDevice(sighting.Fault);
        if (sighting.State is { } state)
        {
            sighting.Others = _devices.OthersOf(sighting.Fault, state.Map, state is { IsLive: true, IsHalfLive: false } ? default : state.Unmap);
            sighting.OthersBelow = _devices.OthersOf(sighting.Fault, state.Below, default);
        }
    }
}
