namespace IommuKit.Analysis.Report;

/// <summary>Samples as circles, their range as a line, and a value beside them as a diamond.</summary>
public sealed class StripChart : Chart
{
    private const int RowHeight = 42;

    private readonly IReadOnlyList<StripRow> _rows;

    /// <summary>Draws samples.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="description">What is to be seen in it.</param>
    /// <param name="axis">Where values lie.</param>
    /// <param name="unit">What the axis counts.</param>
    /// <param name="rows">The rows.</param>
    public StripChart(string title, string description, Axis axis, string unit, IReadOnlyList<StripRow> rows)
        : base(title, description, axis, unit)
    {
        _rows = rows;
    }

    private protected override int PlotHeight => 2 + (_rows.Count * RowHeight);

    private protected override void Draw(HtmlWriter html)
    {
        int y = 2;
        foreach (var row in _rows)
        {
            Text(html, "label", 0, y + 12, row.Label);
            Text(html, "value", 100, y + 12, row.Text, "end");
            int middle = y + 25;
            Line(html, "rail", 0, middle, 100, middle);
            if (row.Samples.Count != 0)
            {
                Line(html, "range", Axis.At(row.Samples.Min()), middle, Axis.At(row.Samples.Max()), middle);
            }

            foreach (double sample in row.Samples)
            {
                html.Empty("circle", ("class", "sample"), ("cx", Axis.Percent(Axis.At(sample))), ("cy", Px(middle)), ("r", "4"));
            }

            Mark(html, "mark", "M0-6L6 0L0 6L-6 0Z", Axis.At(row.Value), middle);
            y += RowHeight;
        }
    }
}
