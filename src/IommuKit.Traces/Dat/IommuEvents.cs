namespace IommuKit.Traces.Dat;

/// <summary>Makes trace events of the data of ring-buffer records, by the formats that the file gives.</summary>
internal sealed class IommuEvents
{
    private readonly DatNumbers _numbers;
    private readonly MappingFormat? _map;
    private readonly MappingFormat? _unmap;
    private readonly InvalidationEvents _invalidations;
    private readonly MessageEvents _messages;

    /// <summary>Finds the fields that are needed.</summary>
    /// <param name="numbers">The byte order.</param>
    /// <param name="formats">The formats of the file.</param>
    /// <param name="tasks">The names of tasks.</param>
    /// <exception cref="NotSupportedException">An event has not the fields that are needed.</exception>
    public IommuEvents(DatNumbers numbers, IReadOnlyList<EventFormat> formats, SavedTasks tasks)
    {
        _numbers = numbers;
        _map = formats.FirstOrDefault(format => format.Name == "map") is { } map ? new MappingFormat(map, "paddr", "size") : null;
        _unmap = formats.FirstOrDefault(format => format.Name == "unmap") is { } unmap ? new MappingFormat(unmap, null, "unmapped_size") : null;
        _invalidations = new InvalidationEvents(formats);
        _messages = new MessageEvents(numbers, formats, tasks);
    }

    /// <summary>The systems whose events are known here.</summary>
    public static IReadOnlySet<string> Systems { get; } = new HashSet<string>(StringComparer.Ordinal) { "iommu", "intel_iommu", "printk" };

    /// <summary>The events that tell of faults.</summary>
    public MessageEvents Messages => _messages;

    /// <summary>Reads an event.</summary>
    /// <param name="data">Its data.</param>
    /// <param name="number">Its number.</param>
    /// <param name="nanoseconds">Its time.</param>
    public TraceEvent Read(ReadOnlySpan<byte> data, long number, long nanoseconds)
    {
        if (data.Length < 2)
        {
            return new TraceEvent(TraceEventKind.Damaged, number);
        }

        int id = _numbers.U16(data);
        var record = new RecordData(data, _numbers);
        return id == _map?.Id ? _map.Read(TraceEventKind.Map, record, number, nanoseconds)
            : id == _unmap?.Id ? _unmap.Read(TraceEventKind.Unmap, record, number, nanoseconds)
            : _messages.TryRead(id, record, number, nanoseconds, out var message) ? message
            : _invalidations.Read(id, record, number, nanoseconds);
    }

    /// <summary>Where the fields of map or unmap are.</summary>
    private sealed class MappingFormat(EventFormat format, string? address, string bytes)
    {
        private readonly FieldPlace _iova = format.Number("iova");
        private readonly FieldPlace _size = format.Number("size");
        private readonly FieldPlace _bytes = format.Number(bytes);
        private readonly FieldPlace? _address = address is null ? null : format.Number(address);

        public int Id { get; } = format.Id;

        public TraceEvent Read(TraceEventKind kind, RecordData data, long number, long nanoseconds)
        {
            if (data.Length < Math.Max(Math.Max(_iova.End, _size.End), Math.Max(_bytes.End, _address?.End ?? 0)))
            {
                return new TraceEvent(TraceEventKind.Damaged, number);
            }

            ulong iova = data.Number(_iova);
            ulong target = _address is { } place ? data.Number(place) : 0;
            return MappingFields.ToEvent(kind, number, nanoseconds, (iova, target), data.Number(_size), data.Number(_bytes));
        }
    }
}
