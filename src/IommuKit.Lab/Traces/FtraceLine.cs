using System.Buffers.Text;

namespace IommuKit.Lab.Traces;

/// <summary>Reads single lines of ftrace text, as the kernel prints the events iommu:map and iommu:unmap.</summary>
/// <remarks>
/// Only the part from the event's name on is fixed; what stands before depends on the trace options. trace-cmd report and perf script print the
/// same with more blanks and a prefix.
/// <code>
/// …  7.590418: map: IOMMU: iova=0xffe0000 - 0xffea000 paddr=0x6c66000 size=40960
/// …  7.036374: unmap: IOMMU: iova=0x0 - 0x1000 size=4096 unmapped_size=8192
/// </code>
/// </remarks>
internal static class FtraceLine
{
    private static ReadOnlySpan<byte> Marker => "IOMMU: iova="u8;

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="number">Its number.</param>
    /// <param name="traceEvent">What it says.</param>
    /// <returns>False if it says nothing: a comment, a heading, an empty line.</returns>
    public static bool TryRead(ReadOnlySpan<byte> line, long number, out TraceEvent traceEvent)
    {
        int marker = line.IndexOf(Marker);
        if (marker >= 0)
        {
            traceEvent = ReadMapping(line, marker, number);
            return true;
        }

        line = line.Trim((byte)' ');
        if (line.IsEmpty || line[0] == '#' || line.StartsWith("cpus="u8) || line.StartsWith("version = "u8))
        {
            traceEvent = default;
            return false;
        }

        if (TryReadLoss(line, out ulong lost))
        {
            traceEvent = new TraceEvent(TraceEventKind.Lost, number, Size: lost);
            return true;
        }

        var kind = IsBinary(line) ? TraceEventKind.Damaged
            : IsEvent(line) ? TraceEventKind.Other
            : TraceEventKind.Unknown;
        traceEvent = new TraceEvent(kind, number);
        return true;
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

        var rest = line[(at + name.Length)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(rest, out inBuffer, out int used)
            && used < rest.Length
            && rest[used] == '/'
            && Utf8Parser.TryParse(rest[(used + 1)..], out written, out _);
    }

    /// <summary>Whether an event that stands on a line without an end can be whole. A cut may leave of a mapping what looks like another event.</summary>
    public static bool CanBeWhole(ReadOnlySpan<byte> line, TraceEventKind kind) =>
        kind is TraceEventKind.Map or TraceEventKind.Unmap || (kind == TraceEventKind.Other && line.IndexOf("map:"u8) < 0);

    /// <summary>Whether a line is an event of which only the number of its type was recorded: "25 0 7546431143 type: 1149".</summary>
    public static bool IsWithoutFields(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> name = " type: "u8;
        int at = line.LastIndexOf(name);
        return at >= 0 && !line[(at + name.Length)..].TrimEnd(" \r"u8).ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }

    /// <summary>Whether a line has bytes that no text has.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> line) => line.ContainsAnyInRange((byte)0, (byte)8);

    private static TraceEvent ReadMapping(ReadOnlySpan<byte> line, int marker, long number)
    {
        var damaged = new TraceEvent(TraceEventKind.Damaged, number);
        var before = line[..marker].TrimEnd((byte)' ');
        var fields = line[(marker + Marker.Length)..];
        bool isUnmap = before.EndsWith("unmap:"u8);
        if (!(isUnmap || before.EndsWith("map:"u8))
            || !TryReadHex(ref fields, out ulong iova)
            || !TrySkip(ref fields, " - "u8)
            || !TryReadHex(ref fields, out ulong end))
        {
            return damaged;
        }

        ulong address = 0;
        ulong unmapped = 0;
        if (!isUnmap && !(TrySkip(ref fields, " paddr="u8) && TryReadHex(ref fields, out address)))
        {
            return damaged;
        }

        if (!TrySkip(ref fields, " size="u8) || !TryReadDecimal(ref fields, out ulong size))
        {
            return damaged;
        }

        if (isUnmap && !(TrySkip(ref fields, " unmapped_size="u8) && TryReadDecimal(ref fields, out unmapped)))
        {
            return damaged;
        }

        if (!fields.Trim(" \r"u8).IsEmpty || size == 0 || unchecked(iova + size) != end || ((iova | size | address | unmapped) & SmallPage.Mask) != 0)
        {
            return damaged;
        }

        ulong bytes = isUnmap ? unmapped : size;
        if (bytes != 0 && bytes - 1 > ulong.MaxValue - iova)
        {
            return damaged;
        }

        return new TraceEvent(
            isUnmap ? TraceEventKind.Unmap : TraceEventKind.Map, number, ReadTime(before), iova, address, bytes);
    }

    /// <summary>The time in front of the event's name: seconds with a fraction, and a colon.</summary>
    /// <returns>Nanoseconds, or -1 where there is no time, or a counter.</returns>
    private static long ReadTime(ReadOnlySpan<byte> before)
    {
        int name = before.LastIndexOf((byte)' ');
        if (name < 0)
        {
            return -1;
        }

        var text = before[..name].TrimEnd((byte)' ');
        if (text.IsEmpty || text[^1] != ':')
        {
            return -1;
        }

        text = text[..^1];
        text = text[(text.LastIndexOf((byte)' ') + 1)..];
        int point = text.IndexOf((byte)'.');
        if (point < 0
            || !Utf8Parser.TryParse(text[..point], out long seconds, out int used)
            || used != point
            || seconds is < 0 or > long.MaxValue / 2_000_000_000)
        {
            return -1;
        }

        var fraction = text[(point + 1)..];
        if (fraction.Length is 0 or > 9 || !Utf8Parser.TryParse(fraction, out long parts, out used) || used != fraction.Length)
        {
            return -1;
        }

        for (int digits = fraction.Length; digits < 9; digits++)
        {
            parts *= 10;
        }

        return (seconds * 1_000_000_000) + parts;
    }

    /// <summary>"CPU:0 [LOST 1356 EVENTS]" of ftrace, "CPU:0 [6777 EVENTS DROPPED]" of trace-cmd.</summary>
    private static bool TryReadLoss(ReadOnlySpan<byte> line, out ulong lost)
    {
        lost = 0;
        int bracket = line.IndexOf((byte)'[');
        if (!line.StartsWith("CPU:"u8) || bracket < 0)
        {
            return false;
        }

        var rest = line[(bracket + 1)..];
        _ = TrySkip(ref rest, "LOST "u8);
        return TryReadDecimal(ref rest, out lost) && rest.StartsWith(" EVENTS"u8);
    }

    /// <summary>Whether a line has the shape of an event: a name with a colon, at its start or after a time with a colon.</summary>
    private static bool IsEvent(ReadOnlySpan<byte> line)
    {
        int colon = line.IndexOf(": "u8);
        if (colon < 0)
        {
            return line[^1] == ':' && !line[..^1].Contains((byte)' ');
        }

        var first = line[..colon];
        int word = first.LastIndexOf((byte)' ') + 1;
        if (word == 0)
        {
            return true;
        }

        return first[word] is >= (byte)'0' and <= (byte)'9' && line[(colon + 2)..].Contains((byte)':');
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> text, ReadOnlySpan<byte> expected)
    {
        if (!text.StartsWith(expected))
        {
            return false;
        }

        text = text[expected.Length..];
        return true;
    }

    private static bool TryReadHex(ref ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        if (!TrySkip(ref text, "0x"u8) || !Utf8Parser.TryParse(text, out value, out int used, 'x'))
        {
            return false;
        }

        text = text[used..];
        return true;
    }

    private static bool TryReadDecimal(ref ReadOnlySpan<byte> text, out ulong value)
    {
        if (!Utf8Parser.TryParse(text, out value, out int used))
        {
            return false;
        }

        text = text[used..];
        return true;
    }
}
