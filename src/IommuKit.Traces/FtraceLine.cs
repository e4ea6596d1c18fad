using System.Buffers.Text;

namespace IommuKit.Traces;

/// <summary>Reads single lines of ftrace text: iommu:map and iommu:unmap here, invalidations by <see cref="FtraceInvalidation"/>.</summary>
/// <remarks>
/// <para>Only the part from the event's name on is fixed; what stands before depends on the trace options. trace-cmd report and perf script print the
/// same with more blanks and a prefix. Kernels before 5.17 print no end; tracers of functions put events into comments; perf can add where the event
/// was.</para>
/// <code>
/// …  7.590418: map: IOMMU: iova=0xffe0000 - 0xffea000 paddr=0x6c66000 size=40960
/// …  7.036374: unmap: IOMMU: iova=0x0 - 0x1000 size=4096 unmapped_size=8192
/// …  7.590418: map: IOMMU: iova=0xffe0000 paddr=0x6c66000 size=40960
/// … |  /* map: IOMMU: iova=0xffe0000 - 0xffea000 paddr=0x6c66000 size=40960 */
/// … 1 iommu:map: IOMMU: iova=0xffe0000 - 0xffea000 paddr=0x6c66000 size=40960 ffffffff844e6739 iommu_map+0x59
/// </code>
/// <para>With the option fields, and by trace-cmd report -R, the fields are printed by their names.</para>
/// <code>
/// …  7.590418: map: iova=0xffe0000 (268304384) paddr=0x6c66000 (113664000) size=0xa000 (40960)
/// …  7.036374: unmap: iova=0 size=4096 unmapped_size=8192
/// </code>
/// <para>What the text of another event quotes is none of these: see <see cref="QuotedEvent"/>.</para>
/// </remarks>
internal static class FtraceLine
{
    private static ReadOnlySpan<byte> Marker => "IOMMU: iova="u8;

    private static ReadOnlySpan<byte> MapName => "map:"u8;

    private static ReadOnlySpan<byte> UnmapName => "unmap:"u8;

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="number">Its number.</param>
    /// <param name="traceEvent">What it says.</param>
    /// <returns>False if it says nothing: a comment, a heading, an empty line.</returns>
    public static bool TryRead(ReadOnlySpan<byte> line, long number, out TraceEvent traceEvent)
    {
        // What a recording says of its machine may quote anything.
        if (RecordedHost.IsLine(line))
        {
            traceEvent = default;
            return false;
        }

        int marker = line.IndexOf(Marker);
        if (marker >= 0 && TryReadMapping(line, marker, number, out traceEvent))
        {
            return true;
        }

        if (marker >= 0 && !QuotedEvent.IsElsewhere(line, marker))
        {
            traceEvent = new TraceEvent(IsDirtyLog(line[..marker]) ? TraceEventKind.Other : TraceEventKind.Damaged, number);
            return true;
        }

        // These start the line. Before the name of a process, which may look like any of them, there is at least one blank.
        if (line.IsEmpty || line[0] == '#' || line.StartsWith("version = "u8) || IsReportHeading(line))
        {
            traceEvent = default;
            return false;
        }

        if (TryReadLoss(line, out ulong lost))
        {
            traceEvent = new TraceEvent(TraceEventKind.Lost, number, Size: lost);
            return true;
        }

        line = line.Trim((byte)' ');
        if (line.IsEmpty)
        {
            traceEvent = default;
            return false;
        }

        if (IsBinary(line))
        {
            traceEvent = new TraceEvent(TraceEventKind.Damaged, number);
        }
        else if (!TryReadByFields(line, number, out traceEvent) && !FtraceInvalidation.TryRead(line, number, out traceEvent)
            && !FtraceMessage.TryRead(line, number, out traceEvent))
        {
            traceEvent = new TraceEvent(
                FtraceInvalidation.IsVtdMapping(line) ? TraceEventKind.VtdMapping
                    : IsBrokenMapping(line) ? TraceEventKind.Damaged
                    : IsEvent(line) ? TraceEventKind.Other
                    : TraceEventKind.Unknown,
                number);
        }

        return true;
    }

    /// <summary>Whether a map or unmap stands where no IOVA can be read, in no form of another kernel or tool.</summary>
    private static bool IsBrokenMapping(ReadOnlySpan<byte> line) =>
        line.IndexOf("map: IOMMU:"u8) is >= 0 and int at && !QuotedEvent.IsElsewhere(line, at + "map: "u8.Length) && ForeignForms.Find(line) is null;

    /// <summary>
    /// Whether a line is the heading of trace-cmd report, "cpus=2". The name of the file stands before it where several are printed, and blanks where
    /// the file has instances.
    /// </summary>
    public static bool IsReportHeading(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> name = "cpus="u8;
        int at = line.IndexOf(name);
        if (at < 0)
        {
            return false;
        }

        // A name with blanks in it is what stands before an event.
        var file = line[..at].Trim((byte)' ');
        if (!file.IsEmpty && (file[^1] != ':' || line[at - 1] != ' ' || file.Contains((byte)' ')))
        {
            return false;
        }

        var count = line[(at + name.Length)..].TrimEnd(" \r"u8);
        return count.Length is > 0 and < 10 && !count.ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }

    /// <summary>Reads the heading "latency: 0 us, #5719/46372, CPU#0" that the option latency-format puts in the place of the other.</summary>
    public static bool TryReadLatencyHeading(ReadOnlySpan<byte> line, out long inBuffer, out long written)
    {
        inBuffer = 0;
        written = 0;
        if (!line.StartsWith("# latency: "u8) || line.IndexOf(" us, #"u8) is not (> 0 and int at))
        {
            return false;
        }

        return TryReadEntries(line[(at + " us, #"u8.Length)..], out inBuffer, out written);
    }

    /// <summary>Reads the heading "entries-in-buffer/entries-written: 5719/46372".</summary>
    public static bool TryReadHeading(ReadOnlySpan<byte> line, out long inBuffer, out long written)
    {
        inBuffer = 0;
        written = 0;
        ReadOnlySpan<byte> name = "entries-in-buffer/entries-written:"u8;
        int at = line.IndexOf(name);
        if (at < 0)
        {
            return false;
        }

        return TryReadEntries(line[(at + name.Length)..].TrimStart((byte)' '), out inBuffer, out written);
    }

    /// <summary>"5719/46372".</summary>
    private static bool TryReadEntries(ReadOnlySpan<byte> rest, out long inBuffer, out long written)
    {
        written = 0;
        return Utf8Parser.TryParse(rest, out inBuffer, out int used)
            && used < rest.Length
            && rest[used] == '/'
            && Utf8Parser.TryParse(rest[(used + 1)..], out written, out _);
    }

    /// <summary>
    /// Whether an event that stands on a line without an end can be whole. A cut may leave of a mapping what looks like another event.
    /// </summary>
    public static bool CanBeWhole(ReadOnlySpan<byte> line, TraceEventKind kind) =>
        kind is TraceEventKind.Map or TraceEventKind.Unmap or TraceEventKind.QueueSubmit or TraceEventKind.CacheTagFlush
        || (kind is TraceEventKind.Other or TraceEventKind.Attach or TraceEventKind.Detach or TraceEventKind.TagAssign or TraceEventKind.PageFault
            or TraceEventKind.Console && line.IndexOf("map:"u8) < 0);

    /// <summary>
    /// Whether a line is an event of which only the number of its type was recorded: "25 0 7546431143 type: 1149", or with the option bin behind
    /// bytes that are no text.
    /// </summary>
    public static bool IsWithoutFields(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> name = "type: "u8;
        int at = line.LastIndexOf(name);
        return at >= 0
            && (at == 0 || line[at - 1] == ' ' || IsBinary(line))
            && !line[(at + name.Length)..].TrimEnd(" \r"u8).ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }

    /// <summary>Whether a line has bytes that no text has.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> line) => line.ContainsAnyInRange((byte)0, (byte)8);

    private static bool TryReadMapping(ReadOnlySpan<byte> line, int marker, long number, out TraceEvent traceEvent)
    {
        traceEvent = default;
        var before = line[..marker].TrimEnd((byte)' ');
        int nameLength = NameLength(before);
        while (nameLength == 0)
        {
            // A process may have the marker for its name.
            int next = line[(marker + Marker.Length)..].IndexOf(Marker);
            if (next < 0)
            {
                return false;
            }

            marker += Marker.Length + next;
            before = line[..marker].TrimEnd((byte)' ');
            nameLength = NameLength(before);
        }

        if (QuotedEvent.Is(line, NameStart(before, nameLength)))
        {
            return false;
        }

        bool isUnmap = nameLength == UnmapName.Length;
        var fields = line[(marker + Marker.Length)..];
        if (!FtraceText.TryReadHex(ref fields, out ulong iova))
        {
            return false;
        }

        ulong end = 0;
        bool hasEnd = FtraceText.TrySkip(ref fields, " - "u8);
        if (hasEnd && !FtraceText.TryReadHex(ref fields, out end))
        {
            return false;
        }

        ulong address = 0;
        ulong unmapped = 0;
        if (!isUnmap && !(FtraceText.TrySkip(ref fields, " paddr="u8) && FtraceText.TryReadHex(ref fields, out address)))
        {
            return false;
        }

        if (!FtraceText.TrySkip(ref fields, " size="u8) || !FtraceText.TryReadDecimal(ref fields, out ulong size))
        {
            return false;
        }

        if (isUnmap && !(FtraceText.TrySkip(ref fields, " unmapped_size="u8) && FtraceText.TryReadDecimal(ref fields, out unmapped)))
        {
            return false;
        }

        if ((!fields.IsEmpty && !FtraceText.IsTail(fields)) || (hasEnd && unchecked(iova + size) != end))
        {
            return false;
        }

        traceEvent = MappingFields.ToEvent(
            isUnmap ? TraceEventKind.Unmap : TraceEventKind.Map,
            number,
            FtraceText.ReadTime(before, nameLength),
            (iova, address),
            size,
            isUnmap ? unmapped : size);
        return traceEvent.Kind != TraceEventKind.Damaged;
    }

    /// <summary>Whether the marker follows one of the names that openEuler's kernel has for logs of dirty pages.</summary>
    private static bool IsDirtyLog(ReadOnlySpan<byte> before) => before.TrimEnd((byte)' ').EndsWith("_dirty_log:"u8);

    /// <summary>Reads a map or unmap whose fields are printed by their names. False if the line is no such event.</summary>
    private static bool TryReadByFields(ReadOnlySpan<byte> line, long number, out TraceEvent traceEvent)
    {
        traceEvent = default;
        int end = 0;
        while (line[end..].IndexOf(MapName) is >= 0 and int at)
        {
            end += at + MapName.Length;
            var before = line[..end];
            int nameLength = NameLength(before);
            var fields = line[end..].TrimStart((byte)' ');
            if (FtraceText.TrySkip(ref fields, "[FAILED TO PARSE]"u8))
            {
                fields = fields.TrimStart((byte)' ');
            }

            if (nameLength == 0 || QuotedEvent.Is(line, NameStart(before, nameLength)) || !TryReadField(ref fields, "iova="u8, out ulong iova))
            {
                continue;
            }

            bool isUnmap = nameLength == UnmapName.Length;
            ulong address = 0;
            ulong size = 0;
            ulong bytes = 0;
            bool isWhole = (isUnmap || TryReadField(ref fields, "paddr="u8, out address))
                && TryReadField(ref fields, "size="u8, out size)
                && (!isUnmap || TryReadField(ref fields, "unmapped_size="u8, out bytes))
                && FtraceText.IsTail(fields);
            traceEvent = isWhole
                ? MappingFields.ToEvent(
                    isUnmap ? TraceEventKind.Unmap : TraceEventKind.Map,
                    number,
                    FtraceText.ReadTime(before, nameLength),
                    (iova, address),
                    size,
                    isUnmap ? bytes : size)
                : new TraceEvent(TraceEventKind.Damaged, number);
            return true;
        }

        return false;
    }

    /// <summary>"iova=0xffe0000 (268304384)" or "iova=268304384", and the blank behind it.</summary>
    private static bool TryReadField(ref ReadOnlySpan<byte> fields, ReadOnlySpan<byte> name, out ulong value)
    {
        value = 0;
        var rest = fields;
        if (!FtraceText.TrySkip(ref rest, name) || !(FtraceText.TryReadHex(ref rest, out value) || FtraceText.TryReadDecimal(ref rest, out value)))
        {
            return false;
        }

        if (rest.StartsWith(" ("u8) && rest.IndexOf((byte)')') is > 0 and int close)
        {
            rest = rest[(close + 1)..];
        }

        fields = rest.TrimStart((byte)' ');
        return true;
    }

    /// <summary>The length of the event's name at the end of a text, with its colon; 0 if neither name is there, alone or after "iommu:".</summary>
    private static int NameLength(ReadOnlySpan<byte> text)
    {
        if (!text.EndsWith(MapName))
        {
            return 0;
        }

        int length = text.EndsWith(UnmapName) ? UnmapName.Length : MapName.Length;
        return text.Length == length || text[^(length + 1)] is (byte)' ' or (byte)':' or (byte)'\t' ? length : 0;
    }

    /// <summary>Where the event's name at the end of a text starts, with its group if that is there.</summary>
    private static int NameStart(ReadOnlySpan<byte> text, int nameLength)
    {
        ReadOnlySpan<byte> group = "iommu:"u8;
        int start = text.Length - nameLength;
        return text[..start].EndsWith(group) ? start - group.Length : start;
    }

    /// <summary>"CPU:0 [LOST 1356 EVENTS]" of ftrace, "CPU:0 [6777 EVENTS DROPPED]" of trace-cmd; at least one where there is no number.</summary>
    private static bool TryReadLoss(ReadOnlySpan<byte> line, out ulong lost)
    {
        lost = 0;
        var rest = line;
        if (!FtraceText.TrySkip(ref rest, "CPU:"u8) || !FtraceText.TryReadDecimal(ref rest, out _) || !FtraceText.TrySkip(ref rest, " ["u8))
        {
            return false;
        }

        _ = FtraceText.TrySkip(ref rest, "LOST "u8);
        if (rest.StartsWith("EVENTS"u8))
        {
            lost = 1;
            return true;
        }

        int digits = rest.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits <= 0 || !rest[digits..].StartsWith(" EVENTS"u8))
        {
            return false;
        }

        // More than 64 bits hold are no number of events, but still a loss.
        if (!FtraceText.TryReadDecimal(ref rest, out lost))
        {
            lost = ulong.MaxValue;
        }

        return true;
    }

    /// <summary>Whether a line has the shape of an event: a name with a colon, at its start or after a time with a colon.</summary>
    private static bool IsEvent(ReadOnlySpan<byte> line)
    {
        int colon = line.IndexOf(": "u8);
        if (colon < 0)
        {
            return line[^1] == ':' && !line[..^1].Contains((byte)' ');
        }

        var first = line[..colon].TrimEnd((byte)' ');
        int word = first.LastIndexOf((byte)' ') + 1;
        if (word == 0)
        {
            return true;
        }

        return first[word] is (>= (byte)'0' and <= (byte)'9') or (byte)'(' && line[(colon + 2)..].Contains((byte)':');
    }
}
