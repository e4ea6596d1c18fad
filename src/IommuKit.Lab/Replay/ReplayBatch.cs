using System.Runtime.ExceptionServices;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Events that were read and that every lane is yet to do: one thread fills it, then others look at it.</summary>
internal sealed class ReplayBatch
{
    // Many, because threads wait for one another after each batch: with a thousand that was a fifth of the time and more.
    private readonly (TraceEvent Event, ulong LivePages, int Domain)[] _events = new (TraceEvent, ulong, int)[8192];
    private int _count;

    /// <summary>What ended the reading behind the events that are here; null if nothing did.</summary>
    public ExceptionDispatchInfo? Problem { get; private set; }

    /// <summary>Whether nothing comes after it.</summary>
    public bool IsLast { get; private set; }

    /// <summary>The events, each with the pages that are mapped after it, and its domain.</summary>
    public ReadOnlySpan<(TraceEvent Event, ulong LivePages, int Domain)> Events => _events.AsSpan(0, _count);

    /// <summary>Reads the next events.</summary>
    public void Fill(TraceReader reader, TraceCensus census)
    {
        _count = 0;
        try
        {
            while (_count < _events.Length)
            {
                ref var next = ref _events[_count];
                if (!census.Read(reader, out next.Event))
                {
                    IsLast = true;
                    return;
                }

                next.LivePages = census.Summary.LivePages;
                next.Domain = census.Domain;
                _count++;
            }
        }
        catch (Exception exception)
        {
            Problem = ExceptionDispatchInfo.Capture(exception);
            IsLast = true;
        }
    }
}
