using System.Buffers.Text;
using IommuKit.Specs.Vtd;

namespace IommuKit.Traces;

/// <summary>Reads the events around maps and unmaps that tell what was invalidated, and for whom.</summary>
/// <remarks>
/// <code>
/// …  9.587895: qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff000 0x0 0x0
/// …  9.587895: cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7ff000-0x7fffff] addr 0x7ff000 pages 0x1 mask 0x0
/// …  9.587895: cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7ff000-0x7fffff] addr 0x7ff000 mask 0x0
/// …  9.587895: cache_tag_flush_all: dmar0/0000:00:03.0 type iotlb did 5 pasid 0 ref 1
/// …  9.583363: attach_device_to_domain: IOMMU: device=0000:00:03.0
/// </code>
/// Newer kernels (seen: 7.2) do not print the pages of a range. The name of an event stands at the start of a line or behind a time with a
/// colon, for perf with its group in front; so what a task calls itself is
/// no event.
/// </remarks>
internal static class FtraceInvalidation
{
    private const int PageShift = 12;

    private static readonly byte[][] VtdMappings =
        [.. VtdMappingNames.All.Select(name => System.Text.Encoding.ASCII.GetBytes(name + ":"))];

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end and without blanks around it; no map or unmap.</param>
    /// <param name="number">Its number.</param>
    /// <param name="traceEvent">What it says; <see cref="TraceEventKind.Damaged"/> if it has the name of one of these events and other
    /// fields.</param>
    /// <returns>False if it is none of these events.</returns>
    public static bool TryRead(ReadOnlySpan<byte> line, long number, out TraceEvent traceEvent)
    {
        var text = line.TrimEnd(" \r"u8);
        if (TryFind(text, "qi_submit:"u8, out var before, out var fields))
        {
            traceEvent = ReadDescriptor(before, fields, number);
            return true;
        }

        if (TryFind(text, "cache_tag_flush_range:"u8, out before, out fields))
        {
            traceEvent = ReadRange(before, fields, number, CacheTagFlush.None);
            return true;
        }

        if (TryFind(text, "cache_tag_flush_range_np:"u8, out before, out fields))
        {
            traceEvent = ReadRange(before, fields, number, CacheTagFlush.AfterMap);
            return true;
        }

        if (TryFind(text, "cache_tag_flush_all:"u8, out before, out fields))
        {
            traceEvent = ReadAll(before, fields, number);
            return true;
        }

        var kind = TryFind(text, "attach_device_to_domain:"u8, out before, out fields) ? TraceEventKind.Attach
            : TryFind(text, "detach_device_from_domain:"u8, out before, out fields) ? TraceEventKind.Detach
            : TraceEventKind.Other;
        traceEvent = kind == TraceEventKind.Other
            ? default
            : new TraceEvent(kind, number, FtraceText.ReadTime(before)) { Device = ReadDevice(fields) };
        return kind != TraceEventKind.Other;
    }

    /// <summary>
    /// Whether a line is one of the events that VT-d's driver had until Linux 5.10 for the mappings of drivers:
    /// <code>
    /// …  7.590418: map_sg: dev=0000:00:03.0 [1/3] dev_addr=0xfffe0000 phys_addr=0x6c66000 size=4096
    /// …  7.590418: bounce_unmap_single: dev=0000:00:03.0 dev_addr=0xfffe0000 size=4096
    /// </code>
    /// </summary>
    public static bool IsVtdMapping(ReadOnlySpan<byte> line)
    {
        if (line.IndexOf("map_s"u8) < 0 || line.IndexOf(" dev"u8) < 0)
        {
            return false;
        }

        foreach (byte[] name in VtdMappings)
        {
            if (TryFind(line, name, out _, out var fields) && fields.StartsWith("dev"u8))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Finds an event by its name, where the name of an event stands.</summary>
    /// <param name="line">The line.</param>
    /// <param name="name">The name, with its colon.</param>
    /// <param name="before">The line to the end of the name.</param>
    /// <param name="fields">What comes behind it, without blanks in front.</param>
    public static bool TryFind(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> before, out ReadOnlySpan<byte> fields)
    {
        for (int at = line.IndexOf(name), from = at; at >= 0; at = line[from..].IndexOf(name), at += at < 0 ? 0 : from)
        {
            int end = at + name.Length;
            from = end;
            var front = line[..at];
            if (front.EndsWith("iommu:"u8) || front.EndsWith("printk:"u8))
            {
                front = front[..(front.LastIndexOf((byte)' ') + 1)];
            }

            bool isWord = (front.IsEmpty || front[^1] == ' ') && !QuotedEvent.Is(line, front.Length);
            front = front.TrimEnd((byte)' ');
            if (isWord && end < line.Length && line[end] == ' '
                && (front.IsEmpty || front[^1] == ':' || front.EndsWith("/*"u8) || FtraceText.EndsWithTime(front)))
            {
                before = line[..end];
                fields = line[end..].TrimStart((byte)' ');
                return true;
            }
        }

        before = default;
        fields = default;
        return false;
    }

    private static TraceEvent ReadDescriptor(ReadOnlySpan<byte> before, ReadOnlySpan<byte> fields, long number)
    {
        // The type's name only repeats what the first quadword says; kernels print the number for types they have no name for.
        int blank = fields.IndexOf((byte)' ');
        var rest = fields[(blank + 1)..];
        return blank > 0
            && TryReadUnit(ref rest, out ushort unit)
            && FtraceText.TrySkip(ref rest, ": "u8) && FtraceText.TryReadHex(ref rest, out ulong qw0)
            && FtraceText.TrySkip(ref rest, " "u8) && FtraceText.TryReadHex(ref rest, out ulong qw1)
            && FtraceText.TrySkip(ref rest, " "u8) && FtraceText.TryReadHex(ref rest, out ulong qw2)
            && FtraceText.TrySkip(ref rest, " "u8) && FtraceText.TryReadHex(ref rest, out ulong qw3)
            && FtraceText.IsTail(rest)
            ? new TraceEvent(TraceEventKind.QueueSubmit, number, FtraceText.ReadTime(before))
            {
                Unit = unit,
                Descriptor = new VtdInvalidationDescriptor(qw0, qw1, qw2, qw3),
            }
            : new TraceEvent(TraceEventKind.Damaged, number);
    }

    private static TraceEvent ReadRange(ReadOnlySpan<byte> before, ReadOnlySpan<byte> fields, long number, CacheTagFlush flush)
    {
        ulong pages = 0;
        if (!TryReadTag(ref fields, out ushort unit, out ushort domain, ref flush)
            || !FtraceText.TrySkip(ref fields, " ["u8) || !FtraceText.TryReadHex(ref fields, out ulong start)
            || !FtraceText.TrySkip(ref fields, "-"u8) || !FtraceText.TryReadHex(ref fields, out ulong end)
            || !FtraceText.TrySkip(ref fields, "] addr "u8) || !FtraceText.TryReadHex(ref fields, out ulong address)
            || (FtraceText.TrySkip(ref fields, " pages "u8) && !FtraceText.TryReadHex(ref fields, out pages))
            || !FtraceText.TrySkip(ref fields, " mask "u8) || !FtraceText.TryReadHex(ref fields, out ulong mask)
            || !FtraceText.IsTail(fields))
        {
            return new TraceEvent(TraceEventKind.Damaged, number);
        }

        return RangeFlush(number, FtraceText.ReadTime(before), (start, end), address, pages, mask) with
        {
            Unit = unit,
            DomainId = domain,
            Flush = flush,
        };
    }

    /// <summary>Makes an event of what a kernel says of the flush of a range.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="nanoseconds">Its time.</param>
    /// <param name="asked">What the driver asked for.</param>
    /// <param name="address">Where what is flushed starts.</param>
    /// <param name="pages">Pages; all bits for the whole domain, which newer kernels say by the mask alone.</param>
    /// <param name="mask">Logarithm of how many pages are flushed.</param>
    public static TraceEvent RangeFlush(long number, long nanoseconds, (ulong Start, ulong End) asked, ulong address, ulong pages, ulong mask)
    {
        if (asked.End < asked.Start || mask > 63)
        {
            return new TraceEvent(TraceEventKind.Damaged, number);
        }

        // Linux flushes the domain where the number of pages is -1, and whole address spaces come out as sizes that no 64 bits hold.
        ulong size = pages == ulong.MaxValue || mask >= 64 - PageShift ? 0 : 1ul << ((int)mask + PageShift);
        return new TraceEvent(TraceEventKind.CacheTagFlush, number, nanoseconds, size == 0 ? 0 : address & ~(size - 1), 0, size);
    }

    private static TraceEvent ReadAll(ReadOnlySpan<byte> before, ReadOnlySpan<byte> fields, long number)
    {
        var flush = CacheTagFlush.None;
        return TryReadTag(ref fields, out ushort unit, out ushort domain, ref flush)
            && FtraceText.TrySkip(ref fields, " pasid "u8) && FtraceText.TryReadDecimal(ref fields, out _)
            && FtraceText.TrySkip(ref fields, " ref "u8) && FtraceText.TryReadDecimal(ref fields, out _)
            && FtraceText.IsTail(fields)
            ? new TraceEvent(TraceEventKind.CacheTagFlush, number, FtraceText.ReadTime(before)) { Unit = unit, DomainId = domain, Flush = flush }
            : new TraceEvent(TraceEventKind.Damaged, number);
    }

    /// <summary>"dmar0 0000:00:03.0[0] type iotlb did 5" or "dmar0/0000:00:03.0 type iotlb did 5".</summary>
    public static bool TryReadTag(ref ReadOnlySpan<byte> fields, out ushort unit, out ushort domain, ref CacheTagFlush flush)
    {
        domain = 0;
        if (!TryReadUnit(ref fields, out unit))
        {
            return false;
        }

        var name = " type "u8;
        int type = fields.IndexOf(name);
        if (type < 0)
        {
            return false;
        }

        fields = fields[(type + name.Length)..];
        int blank = fields.IndexOf((byte)' ');
        if (blank < 0)
        {
            return false;
        }

        flush |= fields[..blank].EndsWith("devtlb"u8) ? CacheTagFlush.DeviceTlb : CacheTagFlush.None;
        fields = fields[blank..];
        if (!FtraceText.TrySkip(ref fields, " did "u8) || !FtraceText.TryReadDecimal(ref fields, out ulong id) || id > ushort.MaxValue)
        {
            return false;
        }

        domain = (ushort)id;
        return true;
    }

    /// <summary>"dmar0".</summary>
    public static bool TryReadUnit(ref ReadOnlySpan<byte> text, out ushort unit)
    {
        unit = 0;
        if (!FtraceText.TrySkip(ref text, "dmar"u8) || !Utf8Parser.TryParse(text, out unit, out int used))
        {
            return false;
        }

        text = text[used..];
        return true;
    }

    /// <summary>"IOMMU: device=0000:00:03.0", or the name alone; null if it is not that of a PCI device.</summary>
    public static uint? ReadDevice(ReadOnlySpan<byte> fields)
    {
        _ = FtraceText.TrySkip(ref fields, "IOMMU: device="u8);
        return TryReadPart(ref fields, ":"u8, ushort.MaxValue, out uint segment)
            && TryReadPart(ref fields, ":"u8, byte.MaxValue, out uint bus)
            && TryReadPart(ref fields, "."u8, 0x1f, out uint device)
            && TryReadPart(ref fields, default, 7, out uint function)
            ? (segment << 16) | (bus << 8) | (device << 3) | function
            : null;
    }

    private static bool TryReadPart(ref ReadOnlySpan<byte> text, ReadOnlySpan<byte> end, uint max, out uint value)
    {
        if (!Utf8Parser.TryParse(text, out value, out int used, 'x') || value > max)
        {
            return false;
        }

        text = text[used..];
        return end.IsEmpty ? FtraceText.IsTail(text) : FtraceText.TrySkip(ref text, end);
    }
}
