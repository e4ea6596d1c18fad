namespace IommuKit.Traces;

/// <summary>Forms of these events that are not read, so that a trace in one of them is refused by its name.</summary>
public static class ForeignForms
{
    /// <summary>What to say of a trace with VT-d's own events and no others.</summary>
    public const string VtdMappings = "has the events map_single, map_sg and unmap_sg that VT-d had until Linux 5.10; they are not read: "
        + "such kernels do not record iommu:map for DMA mappings";

    /// <summary>What to say of a trace that has unmaps and not one map.</summary>
    public const string OnlyUnmaps = "Not one map is in the trace: iommu:map was not recorded, or the kernel printed none "
        + "(some whose drivers use generic page tables print it only where a map fails)";

    /// <summary>What to say of a trace that has maps and not one unmap.</summary>
    public const string OnlyMaps = "Not one unmap is in the trace: iommu:unmap was not recorded, or nothing was unmapped";

    /// <summary>What to say of a kernel log in place of a trace.</summary>
    internal const string KernelLog = "is a kernel log, not a trace; give it with --log, with the trace of the same run or alone";

    /// <summary>What to say of text in UTF-16.</summary>
    internal const string Utf16 = "is text in UTF-16, not UTF-8; convert it first ('iconv -f UTF-16 -t UTF-8')";

    /// <summary>Whether one of the first lines is of a kernel log: with its time, its level or the name of a host in front, or the kernel's first words.</summary>
    internal static bool IsKernelLog(ReadOnlySpan<byte> line) =>
        line is [(byte)'[', ..] or [(byte)'<', _, (byte)'>', (byte)'[', ..]
            || line.IndexOf(" kernel: "u8) >= 0
            || line.IndexOf("Linux version "u8) >= 0
            || line.IndexOf("Command line: "u8) >= 0;

    /// <summary>What a line is, and what to do; null if it is in none of these forms.</summary>
    public static string? Find(ReadOnlySpan<byte> line)
    {
        if (IsUtf16(line))
        {
            return Utf16;
        }

        // perf trace puts no blank behind the name; its older form is "iommu:map:IOMMU: …)".
        if (line.IndexOf("iommu:map("u8) >= 0 || line.IndexOf("iommu:unmap("u8) >= 0 || line.IndexOf("map:IOMMU: "u8) >= 0)
        {
            return "is what 'perf trace' prints; record with 'perf record -e iommu:map -e iommu:unmap' and print with 'perf script'";
        }

        if (FtraceInvalidation.IsVtdMapping(line))
        {
            return VtdMappings;
        }

        if (IsWithoutName(line))
        {
            return "has events without their names; print them too, with perf script by '-F +event'";
        }

        if (IsOfOldKernel(line))
        {
            return "is what kernels before Linux 4.0 print, which do not say how much an unmap removed; it is not read: record with a later kernel";
        }

        if (IsOfOtherKernel(line))
        {
            return "has maps and unmaps in a form of a kernel that is not Linux's own, with the name of a domain or a device; they are not read";
        }

        if (IsByFields(line))
        {
            return "has invalidations printed by the names of their fields; print them without the option fields "
                + "('echo nofields > trace_options'), or without -R of trace-cmd report";
        }

        return FtraceLine.IsWithoutFields(line)
            ? "has events without their fields; record the trace without the options raw, hex and bin "
                + "('echo noraw > trace_options; echo nohex > trace_options; echo nobin > trace_options')"
            : null;
    }

    /// <summary>Whether a file begins as text in UTF-16: with a byte-order mark, or with blanks or letters of ASCII, each with its other half.</summary>
    internal static bool IsUtf16(ReadOnlySpan<byte> line) =>
        line is [0xff, 0xfe, ..] or [0xfe, 0xff, ..] or [(>= 0x20 and < 0x7f), 0, (>= 0x20 and < 0x7f), 0, ..] or [0, (>= 0x20 and < 0x7f), 0, (>= 0x20 and < 0x7f), ..];

    /// <summary>"IOMMU: iova=0x1000 paddr=0x2000 size=0x0" and "IOMMU: iova=0x1000 size=0x1000": hexadecimal sizes, and no unmapped_size.</summary>
    private static bool IsOfOldKernel(ReadOnlySpan<byte> line) =>
        line.IndexOf("IOMMU: iova="u8) is >= 0 and int at && line[at..].IndexOf(" size=0x"u8) >= 0;

    /// <summary>"map: IOMMU:apps iova=0x1000 …" and "unmap: IOMMU: dev=15000000.smmu iova=0x1000 …".</summary>
    private static bool IsOfOtherKernel(ReadOnlySpan<byte> line)
    {
        if (line.IndexOf("map:"u8) is not (>= 0 and int at))
        {
            return false;
        }

        var fields = line[(at + "map:"u8.Length)..].TrimStart((byte)' ');
        return fields.StartsWith("IOMMU:"u8) && !fields.StartsWith("IOMMU: iova="u8) && fields.IndexOf(" iova=0x"u8) > 0
            && fields.IndexOf(" size="u8) > 0;
    }

    /// <summary>Whether what an event says follows no name: "24.330589: IOMMU: iova=…".</summary>
    private static bool IsWithoutName(ReadOnlySpan<byte> line)
    {
        int at = line.IndexOf("IOMMU: iova="u8);
        var before = at < 0 ? default : line[..at].TrimEnd(" \t"u8);
        return at >= 0
            && (before.IsEmpty || before[^1] is (byte)']' or (>= (byte)'0' and <= (byte)'9') || FtraceText.EndsWithTime(before));
    }

    private static bool IsByFields(ReadOnlySpan<byte> line) =>
        (line.IndexOf("qi_submit:"u8) >= 0 && line.IndexOf("qw0="u8) >= 0)
        || (line.IndexOf("cache_tag_flush"u8) >= 0 && line.IndexOf("domain_id="u8) >= 0);
}
