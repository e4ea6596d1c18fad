using IommuKit.Specs.Vtd;

namespace IommuKit.Traces.Dat;

/// <summary>
/// Reads the events around maps and unmaps that tell what was invalidated, and for whom; as <see cref="FtraceInvalidation"/> does of text.
/// </summary>
internal sealed class InvalidationEvents
{
    private delegate TraceEvent Reader(RecordData data, long number, long nanoseconds);

    private readonly Dictionary<int, (int Bytes, Reader Read)> _readers = [];

    /// <summary>Finds the fields that are needed.</summary>
    /// <param name="formats">The formats of the file.</param>
    /// <exception cref="NotSupportedException">An event has not the fields that are needed.</exception>
    public InvalidationEvents(IReadOnlyList<EventFormat> formats)
    {
        foreach (var format in formats)
        {
            Reader? reader = format.Name switch
            {
                "qi_submit" => QueueSubmit(format),
                "cache_tag_flush_range" => RangeFlush(format, CacheTagFlush.None),
                "cache_tag_flush_range_np" => RangeFlush(format, CacheTagFlush.AfterMap),
                "cache_tag_flush_all" => FlushAll(format),
                "attach_device_to_domain" => Device(format, TraceEventKind.Attach),
                "detach_device_from_domain" => Device(format, TraceEventKind.Detach),
                var name when VtdMappingNames.All.Contains(name, StringComparer.Ordinal) =>
                    (_, number, _) => new TraceEvent(TraceEventKind.VtdMapping, number),
                _ => null,
            };
            if (reader is not null)
            {
                _readers.TryAdd(format.Id, (format.Fields.Values.Select(place => place.End).DefaultIfEmpty().Max(), reader));
            }
        }
    }

    /// <summary>Reads an event; it is <see cref="TraceEventKind.Other"/> if it is none of these.</summary>
    public TraceEvent Read(int id, RecordData data, long number, long nanoseconds) =>
        !_readers.TryGetValue(id, out var reader) ? new TraceEvent(TraceEventKind.Other, number)
        : data.Length < reader.Bytes ? new TraceEvent(TraceEventKind.Damaged, number)
        : reader.Read(data, number, nanoseconds);

    private static Reader QueueSubmit(EventFormat format)
    {
        var qw0 = format.Number("qw0");
        var qw1 = format.Number("qw1");
        var qw2 = format.Number("qw2");
        var qw3 = format.Number("qw3");
        var iommu = format.Text("iommu");
        return (data, number, nanoseconds) => InUnit(data.Text(iommu), new TraceEvent(TraceEventKind.QueueSubmit, number, nanoseconds)
        {
            Descriptor = new VtdInvalidationDescriptor(data.Number(qw0), data.Number(qw1), data.Number(qw2), data.Number(qw3)),
        });
    }

    private static Reader RangeFlush(EventFormat format, CacheTagFlush flush)
    {
        var iommu = format.Text("iommu");
        var type = format.Number("type");
        var domain = format.Number("domain_id");
        var start = format.Number("start");
        var end = format.Number("end");
        var address = format.Number("addr");
        FieldPlace? pages = format.Fields.ContainsKey("pages") ? format.Number("pages") : null;
        var mask = format.Number("mask");
        return (data, number, nanoseconds) =>
        {
            var range = (data.Number(start), data.Number(end));
            ulong count = pages is { } place ? data.Number(place) : 0;
            var read = FtraceInvalidation.RangeFlush(number, nanoseconds, range, data.Number(address), count, data.Number(mask));
            return read.Kind == TraceEventKind.Damaged
                ? read
                : InUnit(data.Text(iommu), read with { DomainId = (ushort)data.Number(domain), Flush = flush | TagType(data.Number(type)) });
        };
    }

    private static Reader FlushAll(EventFormat format)
    {
        var iommu = format.Text("iommu");
        var type = format.Number("type");
        var domain = format.Number("domain_id");
        return (data, number, nanoseconds) => InUnit(data.Text(iommu), new TraceEvent(TraceEventKind.CacheTagFlush, number, nanoseconds)
        {
            DomainId = (ushort)data.Number(domain),
            Flush = TagType(data.Number(type)),
        });
    }

    private static Reader Device(EventFormat format, TraceEventKind kind)
    {
        var device = format.Text("device");
        return (data, number, nanoseconds) => new TraceEvent(kind, number, nanoseconds) { Device = FtraceInvalidation.ReadDevice(data.Text(device)) };
    }

    private static TraceEvent InUnit(ReadOnlySpan<byte> name, TraceEvent traceEvent) =>
        FtraceInvalidation.TryReadUnit(ref name, out ushort unit) && name.IsEmpty
            ? traceEvent with { Unit = unit }
            : new TraceEvent(TraceEventKind.Damaged, traceEvent.Line);

    /// <summary>Linux's enum cache_tag_type: iotlb, devtlb, nesting_iotlb, nesting_devtlb.</summary>
    private static CacheTagFlush TagType(ulong type) => (type & 1) != 0 ? CacheTagFlush.DeviceTlb : CacheTagFlush.None;
}
