using System.Runtime.ExceptionServices;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Reads a trace some events ahead, so that of a map it is known what else its call maps. A trace does not name calls: a map that begins where the last
/// one on its processor ended is of the same, with no unmap by that processor in between, and none by others of what it maps: a call has all its IOVAs
/// before its first map.
/// </summary>
/// <param name="see">Told of each event while the reader still knows its text.</param>
internal sealed class ReadAhead(ReadAhead.See see)
{
    // Maps that come last are read on, so that a call is rarely cut. A call that is keeps its domain.
    private const int Usual = 1024;
    private const int Most = 4 * Usual;

    // Calls that may go on, of the processors that have mapped last.
    private const int MostOpen = 8;

    private readonly (TraceEvent Event, int Call)[] _events = new (TraceEvent, int)[Most];
    private readonly List<(int Cpu, int Call, ulong End)> _open = new(MostOpen);
    private readonly MapCall[] _calls = new MapCall[MostOpen + Most];
    private int _callCount;
    private int _count;
    private int _next;
    private bool _isAtEnd;
    private ExceptionDispatchInfo? _problem;

    /// <summary>Is told of an event.</summary>
    /// <param name="traceEvent">The event.</param>
    /// <param name="reader">What has just read it.</param>
    public delegate void See(in TraceEvent traceEvent, TraceReader reader);

    /// <summary>The event that was moved to last.</summary>
    public ref readonly TraceEvent Current => ref _events[_next - 1].Event;

    /// <summary>The call that it is of, if it is a map.</summary>
    public ref MapCall Call => ref _calls[_events[_next - 1].Call];

    /// <summary>Moves to the next event.</summary>
    /// <param name="reader">The trace, always the same one.</param>
    /// <returns>False at the end.</returns>
    public bool MoveNext(TraceReader reader)
    {
        if (_next == _count && !_isAtEnd)
        {
            Fill(reader);
        }

        if (_next == _count)
        {
            // What could be read before it comes first.
            _problem?.Throw();
            return false;
        }

        _next++;
        return true;
    }

    private void Fill(TraceReader reader)
    {
        (_count, _next) = (0, 0);
        KeepCalls();
        try
        {
            while (_count < Usual || (_count < Most && _events[_count - 1].Event.Kind == TraceEventKind.Map))
            {
                ref var next = ref _events[_count];
                if (!reader.Read(out next.Event))
                {
                    _isAtEnd = true;
                    return;
                }

                see(next.Event, reader);
                next.Call = Follow(next.Event, reader.Cpu);
                _count++;
            }
        }
        catch (Exception exception)
        {
            _problem = ExceptionDispatchInfo.Capture(exception);
            _isAtEnd = true;
        }
    }

    private int Follow(in TraceEvent next, int cpu)
    {
        if (next.Kind == TraceEventKind.Unmap)
        {
            Close(next.Iova, cpu);
        }

        if (next.Kind != TraceEventKind.Map)
        {
            return 0;
        }

        int at = _open.Count - 1;
        while (at >= 0 && _open[at].Cpu != cpu)
        {
            at--;
        }

        if (at >= 0 && next.Iova != 0 && _calls[_open[at].Call].Last == next.Iova - 1 && next.Iova < _open[at].End)
        {
            _calls[_open[at].Call].Last = next.LastIova;
            return _open[at].Call;
        }

        if (at >= 0 || _open.Count == MostOpen)
        {
            _open.RemoveAt(Math.Max(at, 0));
        }

        _open.Add((cpu, _callCount, ulong.MaxValue));
        _calls[_callCount] = new MapCall(next.LastIova);
        return _callCount++;
    }

    /// <summary>An unmap: its processor's call is over, and those of others end before it.</summary>
    private void Close(ulong iova, int cpu)
    {
        for (int at = _open.Count - 1; at >= 0; at--)
        {
            var open = _open[at];
            if (open.Cpu == cpu)
            {
                _open.RemoveAt(at);
            }
            else if (iova > _calls[open.Call].Last && iova < open.End)
            {
                _open[at] = open with { End = iova };
            }
        }
    }

    /// <summary>Calls that may go on come first; the others are done with.</summary>
    private void KeepCalls()
    {
        // In the order in which they began, so that none is overwritten before it was moved.
        for (int at = 0; at < _open.Count; at++)
        {
            _calls[at] = _calls[_open[at].Call];
            _open[at] = _open[at] with { Call = at };
        }

        _callCount = _open.Count;
    }
}
