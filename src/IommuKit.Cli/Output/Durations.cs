using System.Globalization;

namespace IommuKit.Cli.Output;

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
