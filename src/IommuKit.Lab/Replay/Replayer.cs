using IommuKit.Lab.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Replays the map and unmap events of a trace recorded on a real kernel, on every machine and under every policy at once, in one pass.</summary>
/// <remarks>
/// Events are done one by one, as recorded: a scatter list is one map event for each of its pieces, and nothing in a trace says which belong
/// together. An unmap takes away what the kernel says went away.
/// </remarks>
public static class Replayer
{
    private const int MaxPieces = 4 << 20;

    /// <summary>Replays a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="options">What to run.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <returns>One result for each machine and policy.</returns>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static IReadOnlyList<ReplayResult> Run(string path, ReplayOptions options, Action<long>? onRead = null)
    {
        using var reader = TraceReader.Open(path, options.IsLenient, onRead);
        var clock = new TraceClock();
        var lanes = new List<ReplayLane>();
        try
        {
            lanes.AddRange(
                from machine in options.Machines
                from policy in options.Policies
                select new ReplayLane(machine, policy, options, clock));
            var summary = new TraceSummary { File = path };
            var live = new LiveSet();
            while (reader.Read(out var traceEvent))
            {
                // Ties can be printed in the wrong order, and clocks can be reset: time never goes back here.
                clock.Now = Math.Max(clock.Now, traceEvent.Nanoseconds);
                Note(summary, live, traceEvent);
                foreach (var lane in lanes)
                {
                    lane.Do(traceEvent);
                }

                if (live.Pieces > MaxPieces)
                {
                    throw new InputException(
                        TraceInput.NameOf(path), traceEvent.Line, $"more than {MaxPieces} separate ranges are mapped here at a time; no kernel does that");
                }
            }

            summary.Lines = reader.Line;
            summary.Problem = reader.Problem;
            summary.Lost = Saturating.Add(summary.Lost, (ulong)reader.Overwritten);
            summary.LivePages = live.Bytes / SmallPage.Bytes;
            return [.. lanes.Select(lane => lane.Finish(summary))];
        }
        finally
        {
            lanes.ForEach(lane => lane.Dispose());
        }
    }

    private static void Note(TraceSummary summary, LiveSet live, in TraceEvent traceEvent)
    {
        summary.HasTimes |= traceEvent.Nanoseconds >= 0;
        switch (traceEvent.Kind)
        {
            case TraceEventKind.Map:
                summary.Maps++;
                if (live.Add(traceEvent.Iova, traceEvent.LastIova) != 0)
                {
                    summary.MapsOverLive++;
                    summary.FirstMapOverLive = summary.FirstMapOverLive == 0 ? traceEvent.Line : summary.FirstMapOverLive;
                }

                summary.PeakLivePages = Math.Max(summary.PeakLivePages, live.Bytes / SmallPage.Bytes);
                break;
            case TraceEventKind.Unmap:
                summary.Unmaps++;
                if (traceEvent.Size != 0 && live.Remove(traceEvent.Iova, traceEvent.LastIova) == 0)
                {
                    summary.Orphans++;
                }

                break;
            case TraceEventKind.Lost:
                summary.Lost = Saturating.Add(summary.Lost, traceEvent.Size);
                break;
            case TraceEventKind.Unknown:
                summary.UnknownLines++;
                break;
            case var _ when traceEvent.IsOther:
                summary.Others++;
                break;
        }
    }
}
