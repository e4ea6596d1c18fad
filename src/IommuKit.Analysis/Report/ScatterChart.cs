namespace IommuKit.Analysis.Report;

/// <summary>What costs how much of two things: points, each with its name beside it.</summary>
public sealed class ScatterChart : Chart
{
    private const int Height = 280;
    private const int Margin = 24;
    private const int LabelHeight = 17;
    private const int LetterHeight = 9;
    private const int MarkHeight = 5;

    // Where a name is written, beside the height of its point.
    private const int Above = -10;
    private const int Below = 18;

    // What stands at the grid takes no more of the width, on a phone too.
    private const double EdgeShare = 18;

    // Of a letter on a phone, whose plot is some 320 pixels wide.
    private const double LetterShare = 2.3;

    private readonly Axis _up;
    private readonly string _upUnit;
    private readonly IReadOnlyList<ScatterPoint> _points;

    /// <summary>Draws points.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="description">What is to be seen in it.</param>
    /// <param name="axis">Where values lie across.</param>
    /// <param name="unit">What they count.</param>
    /// <param name="up">Where values lie upwards.</param>
    /// <param name="upUnit">What they count.</param>
    /// <param name="points">The points.</param>
    public ScatterChart(string title, string description, Axis axis, string unit, Axis up, string upUnit, IReadOnlyList<ScatterPoint> points)
        : base(title, description, axis, unit)
    {
        ArgumentNullException.ThrowIfNull(up);
        _up = up;
        _upUnit = upUnit;
        _points = [.. points.OrderBy(point => -point.Y)];
    }

    private protected override int PlotHeight => Height;

    private protected override void Draw(HtmlWriter html)
    {
        Text(html, "tick strong", 0, 11, _upUnit);
        foreach (double tick in _up.Ticks)
        {
            Line(html, "grid", 0, Y(tick), 100, Y(tick));
        }

        double[] labels = Labels();
        for (int i = 0; i < _points.Count; i++)
        {
            var point = _points[i];
            double at = Axis.At(point.X);
            double y = Y(point.Y);
            bool isLeft = EndsAtPoint(point);
            if (point.FarX is { } far)
            {
                Line(html, $"reach s{point.Style}", at, y, Axis.At(far), y, point.Text);
                Line(html, $"reach s{point.Style}", Axis.At(far), y - 4, Axis.At(far), y + 4, point.Text);
            }

            Mark(html, $"point s{point.Style}", CurveChart.MarkOf(point.Style), at, y, point.Text);
            Text(html, $"label strong", at, labels[i], point.Label, isLeft ? "end" : "start", at > 98 ? 0 : isLeft ? 4 : -4);
        }

        // What stands at the grid is left out where a name begins at the left edge.
        double[] atEdge = [.. labels.Where((_, i) => StartOf(_points[i]) < EdgeShare)];
        foreach (double tick in _up.Ticks)
        {
            if (atEdge.All(label => Math.Abs(label - (Y(tick) - 4)) > LabelHeight))
            {
                Text(html, "tick", 0, Y(tick) - 4, _up.Format(tick), dx: 2);
            }
        }
    }

    /// <summary>Whether a name ends at its point, as there is more room before it.</summary>
    private bool EndsAtPoint(ScatterPoint point) => Axis.At(point.X) > 50;

    /// <summary>Where a name begins, on a phone.</summary>
    private double StartOf(ScatterPoint point) => Axis.At(point.X) - (EndsAtPoint(point) ? point.Label.Length * LetterShare : 0);

    /// <summary>
    /// Heights of the names: above their points, or below, or further off; where there is room, over no other name, point or line, and else over as
    /// few as can be.
    /// </summary>
    private double[] Labels()
    {
        double[] labels = new double[_points.Count];
        for (int i = 0; i < labels.Length; i++)
        {
            double y = Y(_points[i].Y);
            double[] places = [y + Above, y + Below, y + Below + LabelHeight, y + Above - LabelHeight, y + Below + (2 * LabelHeight)];
            labels[i] = places.Select(place => Math.Clamp(place, LabelHeight + 11, Height - 2)).MinBy(place => Hidden(i, place, labels.AsSpan(0, i)));
        }

        return labels;
    }

    /// <summary>How many others a name at some height would hide or be struck through by.</summary>
    private int Hidden(int label, double height, ReadOnlySpan<double> before)
    {
        var (from, to) = Extent(_points[label]);
        int hidden = 0;
        for (int i = 0; i < _points.Count; i++)
        {
            var other = _points[i];
            double y = Y(other.Y);
            double at = Axis.At(other.X);
            double end = other.FarX is { } far ? Axis.At(far) : at;
            bool isOnPoint = y > height - LetterHeight - MarkHeight && y < height + MarkHeight && Meets(at - 1, end + 1);
            bool isOnName = i < before.Length && Math.Abs(before[i] - height) < LabelHeight && Meets(Extent(other).From, Extent(other).To);
            hidden += (isOnPoint ? 1 : 0) + (isOnName ? 1 : 0);
        }

        return hidden;

        bool Meets(double first, double last) => first < to && last > from;
    }

    /// <summary>From where to where a name is written, on a phone.</summary>
    private (double From, double To) Extent(ScatterPoint point) =>
        (StartOf(point), EndsAtPoint(point) ? Axis.At(point.X) : Axis.At(point.X) + (point.Label.Length * LetterShare));

    private double Y(double value) => Margin + 14 + ((Height - (2 * Margin) - 14) * (1 - (_up.At(value) / 100)));
}
