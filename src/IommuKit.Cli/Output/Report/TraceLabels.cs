using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Cli.Output.Report;

/// <summary>Short names of files that tell them apart: as little of each path as does.</summary>
internal static class TraceLabels
{
    /// <summary>The names of files, in their order.</summary>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> files)
    {
        string[][] parts = [.. files.Select(PartsOf)];
        string[] labels = [.. parts.Select(part => Tail(part, IsCommon(part[^1]) ? 2 : 1))];
        for (int length = 2; length <= parts.Select(part => part.Length).DefaultIfEmpty(0).Max(); length++)
        {
            // No more of a path tells a file from itself.
            var again = labels.Zip(parts, (label, part) => (Label: label, Path: string.Join('/', part))).Distinct()
                .GroupBy(one => one.Label, StringComparer.Ordinal).Where(group => group.Count() > 1).Select(group => group.Key)
                .ToHashSet(StringComparer.Ordinal);
            for (int i = 0; i < labels.Length; i++)
            {
                labels[i] = again.Contains(labels[i]) ? Tail(parts[i], length) : labels[i];
            }
        }

        // The same file twice, or names that differ in what is not seen.
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < labels.Length; i++)
        {
            int count = seen[labels[i]] = seen.GetValueOrDefault(labels[i]) + 1;
            labels[i] = count == 1 ? labels[i] : string.Create(CultureInfo.InvariantCulture, $"{labels[i]} ({count})");
        }

        return labels;
    }

    private static string[] PartsOf(string file)
    {
        string[] parts = [.. Printable.Of(file).Split('/', '\\').Where(part => part is not ("" or "." or ".."))];
        return parts.Length == 0 ? [file] : parts;
    }

    // Recorders call every file so.
    private static bool IsCommon(string name) => name is "trace" or "trace.gz" or "trace.dat" or "trace.txt" or "trace_pipe" or "trace_pipe.gz";

    private static string Tail(string[] parts, int length) => string.Join('/', parts.TakeLast(length));
}
