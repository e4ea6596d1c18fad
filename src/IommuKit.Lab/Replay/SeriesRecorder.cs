using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Divides a replay into intervals of equal length, the first of which starts at the first event. Intervals without events take no memory.
/// </summary>
/// <param name="interval">Nanoseconds of the trace's clock, more than 0.</param>
/// <param name="clock">The time of the trace.</param>
internal sealed class SeriesRecorder(long interval, TraceClock clock)
{
    /// <summary>The most intervals with events that a replay keeps.</summary>
    public const int MaxPoints = 100_000;

    private readonly List<SeriesPoint> _points = [];
    private long _origin = -1;
    private long _index = -1;
    private long _maps;
    private long _unmaps;
    private ulong _mapped;
    private ulong _removed;
    private double _microseconds;
    private long _invalidations;
    private long _syncs;
    private ulong _live;

    /// <summary>Intervals with events, the last of which may go on.</summary>
    public int Count => _points.Count + (_index < 0 ? 0 : 1);

    /// <summary>Pages of 4 KiB that are mapped now.</summary>
    public ulong LivePages { get; set; }

    /// <summary>Counts work that was done for an event.</summary>
    /// <param name="done">The operations.</param>
    /// <param name="microseconds">Their virtual time.</param>
    public void AddWork(in OperationCounts done, double microseconds)
    {
        MoveOn();
        _microseconds += microseconds;
        _invalidations += done.For(OperationPurpose.TableCache) + done.For(OperationPurpose.Tlb);
        _syncs += done[OperationKind.Wait];
        _live = LivePages;
    }

    /// <summary>Counts a map or unmap after its work.</summary>
    /// <param name="operation">Which.</param>
    /// <param name="bytes">How much it mapped or removed.</param>
    public void AddCall(MappingOperation operation, ulong bytes)
    {
        if (operation == MappingOperation.Map)
        {
            _maps++;
            _mapped += bytes;
        }
        else
        {
            _unmaps++;
            _removed += bytes;
        }
    }

    /// <summary>The intervals with events.</summary>
    public IReadOnlyList<SeriesPoint> Finish()
    {
        Close();
        return _points;
    }

    private void MoveOn()
    {
        if (_origin < 0)
        {
            _origin = clock.Now;
        }

        long index = (clock.Now - _origin) / interval;
        if (index != _index)
        {
            Close();
            _index = index;
        }
    }

    private void Close()
    {
        if (_index >= 0)
        {
            _points.Add(new SeriesPoint(
                _origin + (_index * interval), _maps, _unmaps, _mapped, _removed, _microseconds, _invalidations, _syncs, _live));
        }

        _index = -1;
        (_maps, _unmaps, _mapped, _removed, _microseconds, _invalidations, _syncs) = (0, 0, 0, 0, 0, 0, 0);
    }
}
