using IommuKit.Lab.Machines;
using IommuKit.Traces;
using IommuKit.Traces.Audit;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Reads a trace to be replayed and takes down what is in it, whatever it is replayed on. Domains are told apart, by what maps an IOVA that is mapped
/// already, as long as no event is known to be missing.
/// </summary>
public sealed class TraceCensus
{
    private const int MaxPieces = 4 << 20;

    private readonly string _path;
    private readonly ReadAhead _ahead;
    private readonly TraceDomains _domains = new();
    private readonly RecordedIommu _iommu = new();
    private readonly CommandTally _commands = new([.. InvalidationKinds.CommandNames.Select(name => new CommandKind(name, OperationPurpose.Other))]);
    private long _queueFlushes;
    private long _tagFlushes;
    private bool _hasGaps;

    /// <summary>Has nothing yet.</summary>
    /// <param name="path">The file.</param>
    public TraceCensus(string path)
    {
        _path = path;
        _ahead = new ReadAhead(See);
        Summary = new TraceSummary { File = path };
    }

    /// <summary>What was found so far.</summary>
    public TraceSummary Summary { get; }

    /// <summary>The domain of the last event, if that was a map or an unmap: 0 or more, or <see cref="TraceDomains.Several"/>.</summary>
    internal int Domain { get; private set; }

    /// <summary>Reads the next event and takes it down. The reader may be some events further, so that it is known what a call maps in all.</summary>
    /// <param name="reader">The trace, always the same one.</param>
    /// <param name="traceEvent">The event.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="InputException">
    /// The file cannot be read on, or so many separate ranges are mapped that this is no trace of a kernel.
    /// </exception>
    public bool Read(TraceReader reader, out TraceEvent traceEvent)
    {
        ArgumentNullException.ThrowIfNull(reader);
        bool isRead = MoveNext(reader);
        traceEvent = isRead ? Current : default;
        return isRead;
    }

    /// <summary>The event that was read last.</summary>
    internal ref readonly TraceEvent Current => ref _ahead.Current;

    /// <summary>As <see cref="Read"/>, without a copy of the event, which is <see cref="Current"/>.</summary>
    internal bool MoveNext(TraceReader reader)
    {
        if (!_ahead.MoveNext(reader))
        {
            return false;
        }

        Count(Current, mayBeAnother: !_hasGaps && reader.Overwritten == 0);
        if (_domains.Pieces > MaxPieces)
        {
            throw new InputException(
                TraceReader.NameOf(_path),
                Current.Line,
                $"more than {MaxPieces} separate ranges are mapped here at a time; no kernel does that");
        }

        return true;
    }

    /// <summary>Takes down what is known at the end.</summary>
    public TraceSummary Finish(TraceReader reader)
    {
        Summary.Lines = reader.Line;
        Summary.Problem = reader.Problem;
        Summary.RecordedOn = _iommu.Name;
        Summary.RecordedTraits = _iommu.Traits;
        Summary.Kernel = reader.Kernel;
        Summary.Domains = _domains.Count;
        Summary.CommandBlocks = _commands.Read();
        Summary.Commands = new SortedDictionary<string, long>(
            Summary.CommandBlocks.GroupBy(one => one.Kind, StringComparer.Ordinal).ToDictionary(
                kind => kind.Key, kind => kind.Sum(one => one.Count), StringComparer.Ordinal),
            StringComparer.Ordinal);
        Summary.Lost = Saturating.Add(Summary.Lost, (ulong)reader.Overwritten);
        Summary.Missing = reader.Missing;
        Summary.Flushes = _queueFlushes != 0 ? _queueFlushes : _tagFlushes;
        return Summary;
    }

    private void See(in TraceEvent traceEvent, TraceReader reader)
    {
        _iommu.See(traceEvent, reader);
        if (traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap)
        {
            return;
        }

        if (traceEvent.Kind == TraceEventKind.QueueSubmit)
        {
            _commands.Count(InvalidationKinds.CommandSlotOf(traceEvent), InvalidationKinds.CommandPagesOf(traceEvent));
        }

        if (Invalidation.TryGet(traceEvent, out var invalidation))
        {
            // Where both were recorded, a flush of a cache tag comes with its command.
            _tagFlushes += invalidation.IsCacheTag ? 1 : 0;
            _queueFlushes += invalidation.IsCacheTag ? 0 : 1;
        }
    }

    private void Count(in TraceEvent traceEvent, bool mayBeAnother)
    {
        var summary = Summary;
        summary.HasTimes |= traceEvent.Nanoseconds >= 0;
        switch (traceEvent.Kind)
        {
            case TraceEventKind.Map:
                summary.Maps++;
                Domain = _domains.Map(traceEvent.Iova, traceEvent.LastIova, ref _ahead.Call, mayBeAnother, out bool isOver);
                if (isOver)
                {
                    summary.MapsOverLive++;
                    summary.FirstMapOverLive = summary.FirstMapOverLive == 0 ? traceEvent.Line : summary.FirstMapOverLive;
                }

                summary.LivePages = _domains.Bytes / SmallPage.Bytes;
                summary.PeakLivePages = Math.Max(summary.PeakLivePages, summary.LivePages);
                break;
            case TraceEventKind.Unmap:
                summary.Unmaps++;
                Domain = 0;
                if (traceEvent.Size != 0)
                {
                    Domain = _domains.Unmap(traceEvent.Iova, traceEvent.LastIova, out bool isOrphan);
                    summary.Orphans += isOrphan ? 1 : 0;
                }

                summary.LivePages = _domains.Bytes / SmallPage.Bytes;
                break;
            case TraceEventKind.Lost:
                summary.Lost = Saturating.Add(summary.Lost, traceEvent.Size);
                _hasGaps = true;
                break;
            case TraceEventKind.Damaged or TraceEventKind.VtdMapping:
                _hasGaps = true;
                break;
            case TraceEventKind.Unknown:
                summary.UnknownLines++;
                _hasGaps = true;
                break;
        }

        summary.Others += traceEvent.IsOther ? 1 : 0;
    }
}
