using System.Buffers.Text;

namespace IommuKit.Traces.Dat;

/// <summary>Reads the events that tell of faults, and whose time an event happened in; as <see cref="FtraceMessage"/> does of text.</summary>
internal sealed class MessageEvents
{
    // Bits of common_flags.
    private const ulong HardInterrupt = 0x08;
    private const ulong SoftInterrupt = 0x10;

    private readonly DatNumbers _numbers;
    private readonly EventFormat? _console;
    private readonly EventFormat? _fault;
    private readonly EventFormat? _tag;
    private readonly FieldPlace? _pid;
    private readonly FieldPlace? _flags;
    private readonly SavedTasks _tasks;
    private readonly byte[] _task = [.. "pid "u8, .. new byte[16]];

    /// <summary>Finds the fields. An event that lacks one is not read: nothing but faults depends on it.</summary>
    public MessageEvents(DatNumbers numbers, IReadOnlyList<EventFormat> formats, SavedTasks tasks)
    {
        _numbers = numbers;
        _tasks = tasks;
        _console = Find(formats, "console", ("msg", 4));
        _fault = Find(formats, "io_page_fault", ("device", 4), ("iova", 8), ("flags", 4));
        _tag = Find(formats, "cache_tag_assign", ("type", 0), ("domain_id", 0), ("iommu", 4));

        // All events begin alike.
        var any = formats.Count > 0 ? formats[0] : null;
        _pid = any is not null && any.Fields.TryGetValue("common_pid", out var pid) && pid.Size == 4 ? pid : null;
        _flags = any is not null && any.Fields.TryGetValue("common_flags", out var flags) && flags.Size == 1 ? flags : null;
    }

    /// <summary>Reads an event; false if it is none of these.</summary>
    public bool TryRead(int id, RecordData data, long number, long nanoseconds, out TraceEvent traceEvent)
    {
        traceEvent = default;
        var format = id == _console?.Id ? _console : id == _fault?.Id ? _fault : id == _tag?.Id ? _tag : null;
        if (format is null)
        {
            return false;
        }

        if (data.Length < format.Fields.Values.Max(place => place.End))
        {
            traceEvent = new TraceEvent(TraceEventKind.Damaged, number);
        }
        else if (format == _console)
        {
            traceEvent = new TraceEvent(TraceEventKind.Console, number, nanoseconds);
        }
        else if (format == _fault)
        {
            traceEvent = new TraceEvent(
                TraceEventKind.PageFault, number, nanoseconds, data.Number(format.Number("iova")), 0, data.Number(format.Number("flags")))
            {
                Device = FtraceInvalidation.ReadDevice(data.Text(format.Text("device"))),
            };
        }
        else
        {
            var name = data.Text(format.Text("iommu"));
            bool isMemory = (data.Number(format.Number("type")) & 1) == 0;
            traceEvent = FtraceInvalidation.TryReadUnit(ref name, out ushort unit) && isMemory
                ? new TraceEvent(TraceEventKind.TagAssign, number, nanoseconds)
                {
                    Unit = unit,
                    DomainId = (ushort)data.Number(format.Number("domain_id")),
                }
                : new TraceEvent(TraceEventKind.Other, number);
        }

        return true;
    }

    /// <summary>What the kernel printed, without its line end, or the device that faulted; empty for other events.</summary>
    public ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> data)
    {
        if (data.Length < 2)
        {
            return default;
        }

        int id = _numbers.U16(data);
        var format = id == _console?.Id ? _console : id == _fault?.Id ? _fault : null;
        return format is null || data.Length < format.Fields.Values.Max(place => place.End)
            ? default
            : new RecordData(data, _numbers).Text(format.Text(format == _console ? "msg" : "device")).TrimEnd("\n\r"u8);
    }

    /// <summary>"name-123", or "pid 123" where the file has no name of it; empty if it is not recorded.</summary>
    public ReadOnlySpan<byte> TaskOf(ReadOnlySpan<byte> data)
    {
        const int start = 4;
        if (_pid is not { } place || data.Length < place.End)
        {
            return default;
        }

        uint number = (uint)new RecordData(data, _numbers).Number(place);
        var name = _tasks.Of(number);
        return !name.IsEmpty ? name
            : Utf8Formatter.TryFormat(number, _task.AsSpan(start), out int written) ? _task.AsSpan(0, start + written)
            : default;
    }

    /// <summary>Whether it happened in an interrupt.</summary>
    public bool IsInInterrupt(ReadOnlySpan<byte> data) => _flags is { } place && data.Length >= place.End
        && (new RecordData(data, _numbers).Number(place) & (HardInterrupt | SoftInterrupt)) != 0;

    private static EventFormat? Find(IReadOnlyList<EventFormat> formats, string name, params ReadOnlySpan<(string Field, int Size)> fields)
    {
        var format = formats.FirstOrDefault(format => format.Name == name);
        foreach (var (field, size) in fields)
        {
            if (format is null || !format.Fields.TryGetValue(field, out var place) || (size != 0 && place.Size != size)
                || place.Size is not (1 or 2 or 4 or 8))
            {
                return null;
            }
        }

        return format;
    }
}
