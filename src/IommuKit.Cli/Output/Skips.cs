using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>What of a trace was skipped, in words and as records.</summary>
internal static class Skips
{
    /// <summary>One reason: how often, why, where.</summary>
    /// <param name="skipped">The events.</param>
    /// <param name="by">What they do not fit: "the IOMMU", "the format".</param>
    public static string Describe(SkippedEvents skipped, string by)
    {
        var (thing, which) = skipped.Reason switch
        {
            SkipReason.BeyondAperture => ("event", $" with IOVAs beyond what {by} can translate"),
            SkipReason.BeyondPhysicalWidth => ("map", $" to physical addresses that {by} cannot hold"),
            SkipReason.OverLiveMapping => ("map", " over pages that are mapped"),
            SkipReason.NotMapped => ("unmap", " of pages that are not mapped here"),
            SkipReason.NoTableMemory => ("event", " without memory for page tables"),
            SkipReason.Misaligned => ("event", " not made of whole pages of the page table"),
            SkipReason.VtdMapping => ("event", " of VT-d's own until Linux 5.10 (map_single, map_sg, unmap_single, unmap_sg), which are not read"),
            _ => ("damaged line", string.Empty),
        };
        string lines = skipped.FirstLine == skipped.LastLine ? $"line {skipped.FirstLine}" : $"lines {skipped.FirstLine}–{skipped.LastLine}";
        return $"{Numbers.Count(skipped.Count, thing)}{which}, {lines}";
    }

    /// <summary>The same for JSON.</summary>
    public static IReadOnlyList<SkippedRecord> Records(IEnumerable<SkippedEvents> skipped) =>
        [.. skipped.Select(events => new SkippedRecord(Names.Of(events.Reason), events.Count, events.FirstLine, events.LastLine))];
}
