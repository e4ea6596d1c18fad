using MathNet.Numerics.Statistics;

namespace IommuKit.Analysis.Calibration;

/// <summary>A 90 % interval.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end.</param>
public readonly record struct Interval90(double Low, double High)
{
    private const double Tail = 0.05;

    /// <summary>From the lower to the upper end.</summary>
    public double Width => High - Low;

    /// <summary>Whether a value is in it.</summary>
    public bool Contains(double value) => value >= Low && value <= High;

    /// <summary>
    /// The interval of something that follows from the costs: 5 % of the draws have their lowest value below it, and 5 % their highest above it.
    /// </summary>
    /// <param name="draws">The draws.</param>
    /// <param name="value">What follows from costs: linear in them, or a ratio of such; not a number where it means nothing.</param>
    /// <returns>Not numbers if it means nothing in any draw.</returns>
    public static Interval90 Of(IReadOnlyList<CostDraw> draws, Func<double[], double> value)
    {
        ArgumentNullException.ThrowIfNull(draws);
        ArgumentNullException.ThrowIfNull(value);
        double[][] values = [.. draws.Select(draw => draw.Vectors.Select(value).Where(double.IsFinite).ToArray()).Where(each => each.Length != 0)];
        double[] lows = [.. values.Select(each => each.Min()).Order()];
        double[] highs = [.. values.Select(each => each.Max()).Order()];
        return new Interval90(SortedArrayStatistics.Quantile(lows, Tail), SortedArrayStatistics.Quantile(highs, 1 - Tail));
    }
}
