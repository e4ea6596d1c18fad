using System.Text;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Analysis.Verdict;

/// <summary>Reads what lies around some lines of a trace, once more: as far as the last of them, and no more than is shown.</summary>
public static class TraceExcerpts
{
    /// <summary>Events before the line.</summary>
    public const int Before = 2;

    /// <summary>Events behind it.</summary>
    public const int Behind = 3;

    private const int MaxText = 200;

    // So many lines before one that is wanted, nothing is kept yet.
    private const int Far = 1000;

    /// <summary>Reads excerpts.</summary>
    /// <param name="path">The file; no pipe, as it was read before.</param>
    /// <param name="lines">The lines that they are to show; those that are no event have no excerpt.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <returns>For each line the events around it, in their order: itself, and <see cref="Before"/> and <see cref="Behind"/> it.</returns>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static IReadOnlyDictionary<long, IReadOnlyList<ExcerptLine>> Read(
        string path, IEnumerable<long> lines, bool isLenient = false, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(lines);
        long[] wanted = [.. lines.Where(line => line > 0).Distinct().Order()];
        var excerpts = new Dictionary<long, IReadOnlyList<ExcerptLine>>();
        if (wanted.Length == 0)
        {
            return excerpts;
        }

        var open = new List<(List<ExcerptLine> Excerpt, int Left)>();
        var before = new Queue<ExcerptLine>(Before + 1);
        int next = 0;
        using var reader = TraceFile.Open(path, isLenient, onRead);
        while ((next < wanted.Length || open.Count != 0) && reader.Read(out var traceEvent))
        {
            if (traceEvent.Kind is TraceEventKind.Unknown or TraceEventKind.Other)
            {
                continue;
            }

            if (open.Count == 0 && wanted[next] - traceEvent.Line > Far)
            {
                continue;
            }

            var line = LineOf(traceEvent, reader);
            for (int i = open.Count - 1; i >= 0; i--)
            {
                open[i].Excerpt.Add(line);
                open[i] = (open[i].Excerpt, open[i].Left - 1);
                if (open[i].Left == 0)
                {
                    open.RemoveAt(i);
                }
            }

            while (next < wanted.Length && wanted[next] < traceEvent.Line)
            {
                next++;
            }

            if (next < wanted.Length && wanted[next] == traceEvent.Line)
            {
                List<ExcerptLine> excerpt = [.. before, line];
                excerpts[traceEvent.Line] = excerpt;
                open.Add((excerpt, Behind));
                next++;
            }

            before.Enqueue(line);
            if (before.Count > Before)
            {
                before.Dequeue();
            }
        }

        return excerpts;
    }

    private static ExcerptLine LineOf(in TraceEvent traceEvent, TraceReader reader) =>
        new(traceEvent, Text(reader.Task), reader.Cpu, Text(reader.Message));

    private static string Text(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text[..Math.Min(text.Length, MaxText)]);
}
