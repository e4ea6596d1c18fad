namespace IommuKit.Analysis.Report;

/// <summary>Bars from zero, with a whisker for what is not known of each; or a band between two ends, where nothing within it is likelier.</summary>
public sealed class BarChart : Chart
{
    private const int BarHeight = 12;
    private const int LineHeight = 17;
    private const int Gap = 14;
    private const int Top = 2;
    private const int Overhang = 3;

    // More characters than this do not fit beside each other on a phone.
    private const int NarrowLine = 46;

    private readonly IReadOnlyList<BarRow> _rows;
    private readonly double? _reference;

    /// <summary>Draws bars.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="description">What is to be seen in it.</param>
    /// <param name="axis">Where values lie; made by <see cref="Axis.Linear"/>, as a bar has to start at zero.</param>
    /// <param name="unit">What the axis counts.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="reference">A value that all are compared with, marked in every row; or null.</param>
    public BarChart(string title, string description, Axis axis, string unit, IReadOnlyList<BarRow> rows, double? reference = null)
        : base(title, description, axis, unit)
    {
        _rows = rows;
        _reference = reference;
    }

    private protected override int PlotHeight => Top + _rows.Sum(HeightOf);

    private protected override void Draw(HtmlWriter html)
    {
        int y = Top;
        foreach (var row in _rows)
        {
            Draw(html, row, y);
            y += HeightOf(row);
        }
    }

    private static bool IsTall(BarRow row) => row.Label.Length + row.Text.Length > NarrowLine;

    private static int HeightOf(BarRow row) => LineHeight + (IsTall(row) ? LineHeight : 0) + BarHeight + Gap;

    private void Draw(HtmlWriter html, BarRow row, int y)
    {
        Text(html, "label", 0, y + 12, row.Label);
        if (IsTall(row))
        {
            y += LineHeight;
            Text(html, "value", 0, y + 12, row.Text);
        }
        else
        {
            Text(html, "value", 100, y + 12, row.Text, "end");
        }

        y += LineHeight;
        double zero = Axis.At(0);
        string hover = $"{row.Label}: {row.Text}";
        Bar(html, "track", 0, 100, y, BarHeight, hover);
        if (row.Value is { } value)
        {
            double end = Axis.At(value);
            Bar(html, "bar", Math.Min(zero, end), Math.Max(zero, end), y, BarHeight, hover);
            if (row.Part > 0)
            {
                Bar(html, "part", Axis.At(value - row.Part), end, y, BarHeight, hover);
            }
        }

        if (row is { Low: { } low, High: { } high })
        {
            double middle = y + (BarHeight / 2.0);
            if (row.Value is null)
            {
                Bar(html, "band", Axis.At(low), Axis.At(high), y, BarHeight, hover);
            }
            else
            {
                Line(html, "whisker", Axis.At(low), middle, Axis.At(high), middle);
            }

            Line(html, "whisker", Axis.At(low), y - 1, Axis.At(low), y + BarHeight + 1);
            Line(html, "whisker", Axis.At(high), y - 1, Axis.At(high), y + BarHeight + 1);
        }

        if (_reference is { } reference)
        {
            Line(html, "reference", Axis.At(reference), y - Overhang, Axis.At(reference), y + BarHeight + Overhang);
        }
    }
}
