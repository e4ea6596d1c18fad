namespace IommuKit.Lab.Traces;

/// <summary>Forms of these events that are not read, so that a trace in one of them is refused by its name.</summary>
internal static class ForeignForms
{
    /// <summary>What a line is, and what to do; null if it is in none of these forms.</summary>
    public static string? Find(ReadOnlySpan<byte> line)
    {
        if (line.IndexOf("iommu:map("u8) >= 0 || line.IndexOf("iommu:unmap("u8) >= 0)
        {
            return "is what 'perf trace' prints; record with 'perf record -e iommu:map -e iommu:unmap' and print with 'perf script'";
        }

        if (line.IndexOf("map_sg: dev="u8) >= 0 || line.IndexOf("map_single: dev="u8) >= 0)
        {
            return "has the events map_single, map_sg and unmap_sg that VT-d had until Linux 5.10; they are not read: "
                + "such kernels do not record iommu:map for DMA mappings";
        }

        if (IsByFields(line))
        {
            return "has invalidations printed by the names of their fields; print them without the option fields "
                + "('echo nofields > trace_options'), or without -R of trace-cmd report";
        }

        return FtraceLine.IsWithoutFields(line)
            ? "has events without their fields; record the trace without the options raw and hex "
                + "('echo noraw > trace_options; echo nohex > trace_options')"
            : null;
    }

    private static bool IsByFields(ReadOnlySpan<byte> line) =>
        (line.IndexOf("qi_submit:"u8) >= 0 && line.IndexOf("qw0="u8) >= 0)
        || (line.IndexOf("cache_tag_flush"u8) >= 0 && line.IndexOf("domain_id="u8) >= 0);
}
