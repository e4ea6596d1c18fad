using System.Runtime.ExceptionServices;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Events that were read and that every lane is yet to do: one thread fills it, then others look at it.</summary>
internal sealed class ReplayBatch
{
    private readonly ReplayEvent[] _events = new ReplayEvent[2048];
    private int _count;

    /// <summary>What ended the reading behind the events that are here; null if nothing did.</summary>
    public ExceptionDispatchInfo? Problem { get; private set; }

    /// <summary>Whether nothing comes after it.</summary>
    public bool IsLast { get; private set; }

    /// <summary>The events.</summary>
    public ReadOnlySpan<ReplayEvent> Events => _events.AsSpan(0, _count);

    /// <summary>Reads the next events.</summary>
    public void Fill(TraceReader reader, TraceCensus census)
    {
        _count = 0;
        try
        {
            while (_count < _events.Length)
            {
                if (!census.MoveNext(reader))
                {
                    IsLast = true;
                    return;
                }

                _events[_count++] = new ReplayEvent(census.Current, census.Domain, census.Summary.LivePages);
            }
        }
        catch (Exception exception)
        {
            Problem = ExceptionDispatchInfo.Capture(exception);
            IsLast = true;
        }
    }
}
