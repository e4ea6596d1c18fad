using System.Buffers.Text;

namespace IommuKit.Traces;

/// <summary>Reads the events that tell of faults, and whose time an event happened in.</summary>
/// <remarks>
/// <code>
///    irq/24-AMD-Vi-45      [000] .....     6.994436: io_page_fault: IOMMU:vfio-pci 0000:00:06.0 iova=0x000000006b894940 flags=0x0001
///           vt-151     [000] d.h1.     6.851953: console: DMAR: DRHD: handling fault status reg 2
///       swapper/0-1     [000] .....     2.619730: cache_tag_assign: dmar0/dmar0 type iotlb did 5 pasid 0 ref 1
/// </code>
/// </remarks>
internal static class FtraceMessage
{
    // A task's name has 15 bytes, and its number 7 digits.
    private const int MaxTask = 32;

    private static ReadOnlySpan<byte> Console => "console:"u8;

    private static ReadOnlySpan<byte> Fault => "io_page_fault:"u8;

    private static ReadOnlySpan<byte> Tag => "cache_tag_assign:"u8;

    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end and without blanks around it; no map, unmap or invalidation.</param>
    /// <param name="number">Its number.</param>
    /// <param name="traceEvent">What it says.</param>
    /// <returns>False if it is none of these events.</returns>
    public static bool TryRead(ReadOnlySpan<byte> line, long number, out TraceEvent traceEvent)
    {
        var text = line.TrimEnd(" \r"u8);
        if (FtraceInvalidation.TryFind(text, Console, out var before, out _))
        {
            traceEvent = new TraceEvent(TraceEventKind.Console, number, FtraceText.ReadTime(before));
            return true;
        }

        if (FtraceInvalidation.TryFind(text, Fault, out before, out var fields))
        {
            traceEvent = ReadFault(before, fields, number);
            return true;
        }

        if (FtraceInvalidation.TryFind(text, Tag, out before, out fields))
        {
            // Of a tag nothing depends but where a fault belongs, so that one of another form is no reason to refuse the file.
            var flush = CacheTagFlush.None;
            traceEvent = FtraceInvalidation.TryReadTag(ref fields, out ushort unit, out ushort domain, ref flush) && flush == CacheTagFlush.None
                ? new TraceEvent(TraceEventKind.TagAssign, number, FtraceText.ReadTime(before)) { Unit = unit, DomainId = domain }
                : new TraceEvent(TraceEventKind.Other, number);
            return true;
        }

        traceEvent = default;
        return false;
    }

    /// <summary>What the kernel printed, or the device that faulted.</summary>
    public static ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> line, TraceEventKind kind)
    {
        if (kind is not (TraceEventKind.Console or TraceEventKind.PageFault)
            || !FtraceInvalidation.TryFind(
                line.Trim((byte)' ').TrimEnd(" \r"u8), kind == TraceEventKind.Console ? Console : Fault, out _, out var text))
        {
            return default;
        }

        if (kind == TraceEventKind.Console)
        {
            return text;
        }

        int end = text.IndexOf(" iova="u8);
        text = end < 0 ? default : text[..end].TrimEnd((byte)' ');
        return text[(text.LastIndexOf((byte)' ') + 1)..];
    }

    /// <summary>The task of a line of ftrace's files, trace-cmd report or perf script: what stands before the number of the processor.</summary>
    public static ReadOnlySpan<byte> TaskOf(ReadOnlySpan<byte> line)
    {
        int cpu = FindCpu(line);
        var task = cpu < 0 ? default : line[..cpu].Trim((byte)' ');

        // With the option record-tgid, the number of the process stands behind it in brackets.
        if (task.EndsWith(")"u8) && task.LastIndexOf((byte)'(') is > 0 and int open)
        {
            task = task[..open].TrimEnd((byte)' ');
        }

        return task.Length <= MaxTask ? task : default;
    }

    /// <summary>The number of the processor of a line; negative if there is none.</summary>
    public static int CpuOf(ReadOnlySpan<byte> line)
    {
        int start = FindCpu(line);
        return start >= 0 && Utf8Parser.TryParse(line[(start + 2)..], out int cpu, out _) ? cpu : -1;
    }

    /// <summary>The number of the task of a line: what stands behind its name; negative if there is none.</summary>
    public static long TaskNumberOf(ReadOnlySpan<byte> line)
    {
        var task = TaskOf(line);
        var number = task[(task.LastIndexOfAnyExceptInRange((byte)'0', (byte)'9') + 1)..];
        return Utf8Parser.TryParse(number, out long value, out int used) && used == number.Length ? value : -1;
    }

    /// <summary>Whether the third of the flags behind the processor, "d.h2.", is that of a hard or soft interrupt.</summary>
    public static bool IsInInterrupt(ReadOnlySpan<byte> line)
    {
        int cpu = FindCpu(line);
        int end = cpu < 0 ? -1 : line[cpu..].IndexOf((byte)']');
        if (end < 0)
        {
            return false;
        }

        var rest = line[(cpu + end + 1)..].TrimStart((byte)' ');
        int blank = rest.IndexOf((byte)' ');
        return blank is 4 or 5 && rest[2] is (byte)'h' or (byte)'H' or (byte)'s' or (byte)'z' or (byte)'Z';
    }

    /// <summary>Where " [000]" is: digits alone in brackets. A task's name may have brackets too, so it is the last before the first time.</summary>
    private static int FindCpu(ReadOnlySpan<byte> line)
    {
        int from = 0;
        while (line[from..].IndexOf(" ["u8) is >= 0 and int at)
        {
            int start = from + at + 2;
            int length = line[start..].IndexOf((byte)']');
            if (length is > 0 and <= 5 && !line.Slice(start, length).ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                return start - 2;
            }

            from = start;
        }

        return -1;
    }

    private static TraceEvent ReadFault(ReadOnlySpan<byte> before, ReadOnlySpan<byte> fields, long number)
    {
        int at = fields.IndexOf(" iova="u8);
        if (at < 0)
        {
            return new TraceEvent(TraceEventKind.Other, number);
        }

        var device = fields[..at].TrimEnd((byte)' ');
        device = device[(device.LastIndexOf((byte)' ') + 1)..];
        var rest = fields[(at + " iova="u8.Length)..];
        return FtraceText.TryReadHex(ref rest, out ulong iova)
            && FtraceText.TrySkip(ref rest, " flags="u8) && FtraceText.TryReadHex(ref rest, out ulong flags)
            ? new TraceEvent(TraceEventKind.PageFault, number, FtraceText.ReadTime(before), iova, 0, flags)
            {
                Device = FtraceInvalidation.ReadDevice(device),
            }
            : new TraceEvent(TraceEventKind.Other, number);
    }
}
