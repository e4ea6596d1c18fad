using System.Globalization;

namespace IommuKit.Cli.Output;

/// <summary>Numbers in tables and sentences.</summary>
internal static class Numbers
{
    /// <summary>A count with its thousands apart.</summary>
    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A count of something: "1 map", "2 maps".</summary>
    public static string Count(long count, string thing) => $"{Count(count)} {thing}{(count == 1 ? string.Empty : "s")}";

    /// <summary>A count of something whose plural takes more than an s: "1 flush", "2 flushes".</summary>
    public static string Count(long count, string thing, string things) => $"{Count(count)} {(count == 1 ? thing : things)}";

    /// <summary>Microseconds, with as many digits as mean something.</summary>
    public static string Microseconds(double us) => us.ToString(us < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    /// <summary>A number at an axis: as short as it can be.</summary>
    public static string Scale(double value) => value switch
    {
        >= 1_000_000 => (value / 1_000_000).ToString("#,0.####M", CultureInfo.InvariantCulture),
        >= 10_000 => (value / 1000).ToString("0.####k", CultureInfo.InvariantCulture),
        _ => value.ToString("#,0.####", CultureInfo.InvariantCulture),
    };

    /// <summary>A share as whole percents.</summary>
    public static string Percent(double share) => $"{Whole(share)} %";

    /// <summary>A share as whole percents, without the sign; what rounds to none has no sign of its own either.</summary>
    public static string Whole(double share) => (Math.Round(100 * share, MidpointRounding.AwayFromZero) + 0.0).ToString("0", CultureInfo.InvariantCulture);

    /// <summary>By how much something is more or less than something else.</summary>
    public static string Off(double ratio) => ratio.ToString("+0 %;−0 %;0 %", CultureInfo.InvariantCulture);

    /// <summary>How many times one duration is the other; empty if the other is none.</summary>
    public static string Times(double longer, double shorter) =>
        shorter == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"{longer / shorter:0.0}×");
}

/// <summary>Durations in sentences and tables, with the unit that suits them and three digits at most.</summary>
internal static class Durations
{
    private static readonly (double Nanoseconds, string Unit)[] Units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")];

    /// <summary>A duration.</summary>
    /// <param name="nanoseconds">0 or more.</param>
    public static string Of(double nanoseconds) => With(nanoseconds, ["0.##", "0.#", "#,0"]);

    /// <summary>A duration in a narrow place: two digits, and no less than the digits of whole numbers.</summary>
    /// <param name="nanoseconds">0 or more.</param>
    public static string Short(double nanoseconds) => With(nanoseconds, ["0.#", "0", "#,0"]);

    private static string With(double nanoseconds, string[] formats)
    {
        foreach (var (unit, name) in Units)
        {
            double value = nanoseconds / unit;

            // What rounds to the next unit is written in that.
            if (value >= 0.9995)
            {
                string format = value < 9.95 ? formats[0] : value < 99.5 ? formats[1] : formats[2];
                return string.Create(CultureInfo.InvariantCulture, $"{value.ToString(format, CultureInfo.InvariantCulture)} {name}");
            }
        }

        return "0";
    }
}
