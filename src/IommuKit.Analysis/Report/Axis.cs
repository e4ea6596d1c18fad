using System.Globalization;

namespace IommuKit.Analysis.Report;

/// <summary>Where values lie across a chart, from 0 at its left edge to 100 at its right.</summary>
public sealed class Axis
{
    private const int MostTicks = 5;

    private readonly Func<double, double> _scale;
    private readonly double _from;
    private readonly double _to;
    private readonly Func<double, string> _format;

    private Axis(double from, double to, Func<double, double> scale, IReadOnlyList<double> ticks, Func<double, string> format)
    {
        _scale = scale;
        _from = scale(from);
        _to = scale(to);
        _format = format;
        Ticks = ticks;
    }

    /// <summary>The values that are marked.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>An axis on which equal distances are equal differences; it starts at 0, or below if there is something below.</summary>
    /// <param name="least">The least value.</param>
    /// <param name="most">The greatest value.</param>
    /// <param name="format">Writes a value.</param>
    public static Axis Linear(double least, double most, Func<double, string> format)
    {
        double step = Step(Math.Max(Math.Max(most, 0) - Math.Min(least, 0), double.Epsilon * 1e16));
        double from = Math.Floor(Math.Min(least, 0) / step);
        double to = Math.Max(Math.Ceiling(Math.Max(most, 0) / step), from + 1);
        double[] ticks = [.. Enumerable.Range(0, (int)(to - from) + 1).Select(i => (from + i) * step)];
        return new Axis(from * step, to * step, value => value, ticks, format);
    }

    /// <summary>
    /// An axis on which equal distances are equal factors: whole powers of ten around the values. What is not above 0 lies at its left edge.
    /// </summary>
    /// <param name="values">The values.</param>
    /// <param name="format">Writes a value.</param>
    public static Axis Logarithmic(IEnumerable<double> values, Func<double, string> format)
    {
        double[] positive = [.. values.Where(value => value > 0 && double.IsFinite(value))];
        int from = positive.Length == 0 ? 0 : (int)Math.Floor(Math.Log10(positive.Min()) + 1e-9);
        int to = positive.Length == 0 ? 1 : Math.Max((int)Math.Ceiling(Math.Log10(positive.Max()) - 1e-9), from + 1);
        int every = ((to - from) / (MostTicks + 1)) + 1;
        double[] ticks = [.. Enumerable.Range(from, to - from + 1).Where(power => (power - from) % every == 0).Select(power => Math.Pow(10, power))];
        double least = Math.Pow(10, from);
        return new Axis(least, Math.Pow(10, to), value => Math.Log10(Math.Max(value, least)), ticks, format);
    }

    /// <summary>Where a value lies, from 0 to 100.</summary>
    public double At(double value) => Math.Clamp(100 * (_scale(value) - _from) / (_to - _from), 0, 100);

    /// <summary>Writes a value.</summary>
    public string Format(double value) => _format(value);

    /// <summary>A place as an attribute has it.</summary>
    internal static string Percent(double at) => at.ToString("0.##", CultureInfo.InvariantCulture) + "%";

    // 1, 2 or 5 times a power of ten, so that there are few.
    private static double Step(double span)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(span / MostTicks)));
        return power * (new double[] { 1, 2, 5 }).FirstOrDefault(factor => span <= factor * power * MostTicks * 1.000001, 10);
    }
}
