namespace IommuKit.Analysis.Report;

/// <summary>Something over time, as bars that stand beside each other; the highest is marked.</summary>
public sealed class TimeChart : Chart
{
    private const int Height = 190;

    // Room for a line of text above the highest bar.
    private const int Top = 20;

    private readonly Axis _up;
    private readonly IReadOnlyList<TimeBar> _bars;
    private readonly string _peak;

    /// <summary>Draws bars.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="description">What is to be seen in it.</param>
    /// <param name="axis">The time; made by <see cref="Axis.Linear"/>.</param>
    /// <param name="unit">What it counts.</param>
    /// <param name="up">Where heights lie; made by <see cref="Axis.Linear"/>, as a bar has to start at zero.</param>
    /// <param name="bars">The bars.</param>
    /// <param name="peak">What to say at the highest bar.</param>
    public TimeChart(string title, string description, Axis axis, string unit, Axis up, IReadOnlyList<TimeBar> bars, string peak)
        : base(title, description, axis, unit)
    {
        ArgumentNullException.ThrowIfNull(up);
        _up = up;
        _bars = bars;
        _peak = peak;
    }

    private protected override int PlotHeight => Height;

    private protected override void Draw(HtmlWriter html)
    {
        foreach (double tick in _up.Ticks)
        {
            Line(html, "grid", 0, Y(tick), 100, Y(tick));
        }

        var highest = _bars.MaxBy(bar => bar.Value);
        foreach (var bar in _bars)
        {
            if (bar.IsPartial)
            {
                Bar(html, "bar lost", Axis.At(bar.From), Axis.At(bar.To), Top, Height - Top, bar.Text);
            }

            if (bar.Value > 0)
            {
                double y = Math.Min(Y(bar.Value), Height - 1);
                Bar(html, bar == highest ? "bar peak" : "bar", Axis.At(bar.From), Axis.At(bar.To), y, Height - y, bar.Text);
            }
        }

        // What stands at the grid is left out where the words at the peak are.
        foreach (double tick in _up.Ticks)
        {
            if (tick != 0 && (highest is null || Math.Abs(Y(tick) - Y(highest.Value)) > Top))
            {
                Text(html, "tick", 0, Y(tick) - 4, _up.Format(tick), dx: 2);
            }
        }

        if (highest is not null)
        {
            double at = (Axis.At(highest.From) + Axis.At(highest.To)) / 2;
            Text(html, "label strong", at, Y(highest.Value) - 5, _peak, at > 65 ? "end" : at < 35 ? "start" : "middle", at > 65 ? 4 : at < 35 ? -4 : 0);
        }
    }

    private double Y(double value) => Top + ((Height - Top) * (1 - (_up.At(value) / 100)));
}
