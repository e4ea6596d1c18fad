using IommuKit.Traces;
using IommuKit.Traces.Audit;

namespace IommuKit.Lab.Replay;

/// <summary>Takes down what is in a trace while it is replayed, whatever it is replayed on.</summary>
/// <param name="path">The file.</param>
public sealed class TraceCensus(string path)
{
    private const int MaxPieces = 4 << 20;

    private readonly LiveSet _live = new();
    private readonly RecordedIommu _iommu = new();
    private long _queueFlushes;
    private long _tagFlushes;

    /// <summary>What was found so far.</summary>
    public TraceSummary Summary { get; } = new() { File = path };

    /// <summary>Takes down an event that the reader has read last.</summary>
    /// <exception cref="InputException">So many separate ranges are mapped that this is no trace of a kernel.</exception>
    public void Note(in TraceEvent traceEvent, TraceReader reader)
    {
        _iommu.See(traceEvent, reader);
        Count(Summary, _live, traceEvent);
        if (Invalidation.TryGet(traceEvent, out var invalidation))
        {
            // Where both were recorded, a flush of a cache tag comes with its command.
            _tagFlushes += invalidation.IsCacheTag ? 1 : 0;
            _queueFlushes += invalidation.IsCacheTag ? 0 : 1;
        }

        if (_live.Pieces > MaxPieces)
        {
            throw new InputException(
                TraceReader.NameOf(path),
                traceEvent.Line,
                $"more than {MaxPieces} separate ranges are mapped here at a time; no kernel does that");
        }
    }

    /// <summary>Takes down what is known at the end.</summary>
    public TraceSummary Finish(TraceReader reader)
    {
        Summary.Lines = reader.Line;
        Summary.Problem = reader.Problem;
        Summary.RecordedOn = _iommu.Name;
        Summary.Kernel = reader.Kernel;
        Summary.Lost = Saturating.Add(Summary.Lost, (ulong)reader.Overwritten);
        Summary.Missing = reader.Missing;
        Summary.Flushes = _queueFlushes != 0 ? _queueFlushes : _tagFlushes;
        return Summary;
    }

    private static void Count(TraceSummary summary, LiveSet live, in TraceEvent traceEvent)
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

                summary.LivePages = live.Bytes / SmallPage.Bytes;
                summary.PeakLivePages = Math.Max(summary.PeakLivePages, summary.LivePages);
                break;
            case TraceEventKind.Unmap:
                summary.Unmaps++;
                if (traceEvent.Size != 0 && live.Remove(traceEvent.Iova, traceEvent.LastIova) == 0)
                {
                    summary.Orphans++;
                }

                summary.LivePages = live.Bytes / SmallPage.Bytes;
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
