using System.Globalization;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>How much of a trace a result is about, in words.</summary>
internal static class Coverage
{
    /// <summary>The least that one of the results covers; null if the trace has no map and no unmap.</summary>
    public static double? Least(IEnumerable<ReplayResult> results) => results.Min(result => result.Coverage);

    /// <summary>A share as percents: 100 only if it is everything, 0 only if it is nothing.</summary>
    public static string Percent(double share)
    {
        double tenths = Math.Floor(share * 1000);
        return tenths == 0 && share > 0 ? "less than 0.1 %" : string.Create(CultureInfo.InvariantCulture, $"{tenths / 10:0.#} %");
    }

    /// <summary>For a heading.</summary>
    public static string InTitle(IEnumerable<ReplayResult> results) => Least(results) switch
    {
        null => "nothing in the trace to replay",
        1 => "all of the trace replayed",
        { } share => $"{Percent(share)} of the trace replayed",
    };
}
