using IommuKit.Traces;
using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>
/// Collects the gaps of a trace from each flush to what the same task printed next on the same processor, which it can only have printed after the
/// wait. What it keeps is bounded, whatever the trace holds.
/// </summary>
internal sealed class FlushGaps
{
    // Tasks that wait at a time; there is one on each processor, and now and then an interrupted one.
    private const int MaxOpen = 4096;

    private readonly Dictionary<(int Cpu, long Task), Opened> _open = [];
    private readonly Dictionary<(string Start, GapEnd End), GapSample> _samples = [];
    private readonly Dictionary<string, (bool IsCommand, bool IsOfTranslations)> _starts = [];

    /// <summary>Gaps from one command to the next one of the same task for the same unit.</summary>
    public GapSample BetweenCommands { get; } = new();

    /// <summary>Gaps by what began and ended them.</summary>
    public IEnumerable<((string Start, GapEnd End) Kind, GapSample Sample)> Samples => _samples.Select(one => (one.Key, one.Value));

    /// <summary>Commands that were queued.</summary>
    public long Commands { get; private set; }

    /// <summary>Flushes of cache tags, each of which stands for commands that may not have been recorded.</summary>
    public long Tags { get; private set; }

    /// <summary>Whether any event has a time.</summary>
    public bool HasTimes { get; private set; }

    /// <summary>Whether some flush does not say its task or its processor.</summary>
    public bool LacksContext { get; private set; }

    /// <summary>The largest number of nanoseconds of which all times are multiples; 0 without any.</summary>
    public long ClockStep { get; private set; }

    /// <summary>Whether a kind of flush drops translations.</summary>
    public bool IsOfTranslations(string start) => _starts.GetValueOrDefault(start).IsOfTranslations;

    /// <summary>Whether a kind of flush is a command of a queue.</summary>
    public bool IsCommand(string start) => _starts.GetValueOrDefault(start).IsCommand;

    /// <summary>Notes an event.</summary>
    public void Note(in TraceEvent traceEvent, TraceReader reader)
    {
        bool isCommand = traceEvent.Kind == TraceEventKind.QueueSubmit;
        bool isFlush = isCommand || traceEvent.Kind == TraceEventKind.CacheTagFlush;
        Commands += isCommand ? 1 : 0;
        Tags += isFlush && !isCommand ? 1 : 0;
        if (traceEvent.Kind is TraceEventKind.Lost or TraceEventKind.Damaged)
        {
            _open.Clear();
        }

        if (traceEvent.Nanoseconds < 0)
        {
            return;
        }

        HasTimes = true;
        ClockStep = DivisorOf(ClockStep, traceEvent.Nanoseconds);
        var context = (reader.Cpu, reader.TaskNumber);
        if (context.Cpu < 0 || context.TaskNumber < 0)
        {
            LacksContext |= isFlush;
            return;
        }

        if (_open.Remove(context, out var opened))
        {
            Close(opened, traceEvent, isCommand, isFlush);
        }

        if (isFlush)
        {
            if (_open.Count == MaxOpen)
            {
                _open.Clear();
            }

            string kind = InvalidationKinds.NameOf(traceEvent);
            _open[context] = new Opened(kind, traceEvent.Nanoseconds, traceEvent.Unit, isCommand);
            _starts[kind] = (isCommand, Invalidation.TryGet(traceEvent, out _));
        }
    }

    private void Close(Opened opened, in TraceEvent next, bool isCommand, bool isFlush)
    {
        // Two events of one processor are at times printed in the wrong order.
        long gap = Math.Max(0, next.Nanoseconds - opened.Start);
        if (isCommand && opened.IsCommand && next.Unit == opened.Unit)
        {
            BetweenCommands.Add(gap);
        }

        var key = (opened.Kind, isFlush ? GapEnd.Flush : next.Kind switch
        {
            TraceEventKind.Map => GapEnd.Map,
            TraceEventKind.Unmap => GapEnd.Unmap,
            _ => GapEnd.Other,
        });
        if (!_samples.TryGetValue(key, out var sample))
        {
            _samples.Add(key, sample = new GapSample());
        }

        sample.Add(gap);
    }

    private static long DivisorOf(long one, long other)
    {
        while (one != 0)
        {
            (one, other) = (other % one, one);
        }

        return other;
    }

    private readonly record struct Opened(string Kind, long Start, ushort Unit, bool IsCommand);
}
