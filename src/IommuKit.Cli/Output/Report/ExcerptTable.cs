using System.Globalization;
using IommuKit.Analysis.Report;
using IommuKit.Analysis.Verdict;
using IommuKit.Specs.Vtd;
using IommuKit.Traces;

namespace IommuKit.Cli.Output.Report;

/// <summary>An excerpt of a trace, in one form whatever form the trace has.</summary>
internal static class ExcerptTable
{
    private const double NanosecondsInSecond = 1e9;

    /// <summary>The table.</summary>
    /// <param name="lines">The events.</param>
    /// <param name="line">The line that it is about.</param>
    /// <param name="caption">What they are; null for what lies around the line.</param>
    public static ReportTable Of(IReadOnlyList<ExcerptLine> lines, long line, string? caption = null)
    {
        bool hasTimes = lines.Any(one => one.Event.Nanoseconds >= 0);
        ReportColumn[] time = hasTimes ? [new("Time")] : [];
        return new(
            $"{caption ?? $"Around line {line.ToString(CultureInfo.InvariantCulture)}"}{(hasTimes ? "; times in seconds" : string.Empty)}",
            [new("Line"), .. time, new("Task", false), new("CPU"), new("What", false)],
            [
                .. lines.Select(one => (string[])
                [
                    one.Event.Line.ToString(CultureInfo.InvariantCulture),
                    .. hasTimes ? [TimeOf(one)] : Array.Empty<string>(),
                    one.Task.Length == 0 ? "–" : Printable.Of(one.Task),
                    one.Cpu < 0 ? "–" : one.Cpu.ToString(CultureInfo.InvariantCulture),
                    Printable.Of(What(one)),
                ]),
            ])
        {
            Emphasis = lines.ToList().FindIndex(one => one.Event.Line == line),
        };
    }

    private static string TimeOf(ExcerptLine one) => one.Event.Nanoseconds < 0 ? "–"
        : string.Create(CultureInfo.InvariantCulture, $"{one.Event.Nanoseconds / NanosecondsInSecond:0.000000}");

    private static string What(ExcerptLine one)
    {
        var what = one.Event;
        return what.Kind switch
        {
            TraceEventKind.Map => $"map {Range(what)} to {Names.Hex(what.PhysicalAddress)}",
            TraceEventKind.Unmap => $"unmap {Range(what)}",
            TraceEventKind.QueueSubmit => Queued(what),
            TraceEventKind.CacheTagFlush => what.Size == 0
                ? $"flush of cache tag, domain {what.DomainId}: everything"
                : $"flush of cache tag, domain {what.DomainId}: {Range(what)}",
            TraceEventKind.Attach => "device attached to a domain",
            TraceEventKind.Detach => "device detached from a domain",
            TraceEventKind.TagAssign => $"cache tag assigned to domain {what.DomainId}",
            TraceEventKind.PageFault => $"fault of {one.Message} at {Names.Hex(what.Iova)}",
            TraceEventKind.Console => one.Message,
            TraceEventKind.Lost => $"{Numbers.Count((long)Math.Min(what.Size, long.MaxValue))} events lost",
            TraceEventKind.Damaged => "a damaged line",
            _ => "another event",
        };
    }

    private static string Queued(in TraceEvent submit)
    {
        var descriptor = submit.Descriptor;
        if (!descriptor.DropsTranslations)
        {
            return $"queued to dmar{submit.Unit}: {Names.Of(descriptor.Type)}";
        }

        return descriptor.Granularity switch
        {
            VtdGranularity.Selective => $"flush of domain {descriptor.DomainId}: {Names.Hex(descriptor.Address)} to {Names.Hex(descriptor.LastAddress)}"
                + (descriptor.InvalidationHint ? ", walk caches kept" : string.Empty),
            VtdGranularity.Domain => $"flush of domain {descriptor.DomainId}: everything",
            _ => "flush of everything",
        };
    }

    private static string Range(in TraceEvent what) => $"{Names.Hex(what.Iova)} + {Names.Hex(what.Size)}";
}
