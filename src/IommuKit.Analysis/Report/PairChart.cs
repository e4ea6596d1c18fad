using System.Globalization;

namespace IommuKit.Analysis.Report;

/// <summary>Pairs of before and after, joined by a line whose length is the factor between them where the axis is logarithmic.</summary>
public sealed class PairChart : Chart
{
    private const int RowHeight = 58;
    private const int TextHeight = 18;

    private readonly string _measured;
    private readonly string _modelled;
    private readonly IReadOnlyList<PairRow> _rows;

    /// <summary>Draws pairs.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="description">What is to be seen in it.</param>
    /// <param name="axis">Where values lie.</param>
    /// <param name="unit">What the axis counts.</param>
    /// <param name="measured">What a measured value counts, and whose it is.</param>
    /// <param name="modelled">The same of a model's value.</param>
    /// <param name="rows">The rows.</param>
    public PairChart(string title, string description, Axis axis, string unit, string measured, string modelled, IReadOnlyList<PairRow> rows)
        : base(title, description, axis, unit)
    {
        _measured = measured;
        _modelled = modelled;
        _rows = rows;
    }

    private protected override int PlotHeight => 2 + (_rows.Count * RowHeight);

    private protected override void Draw(HtmlWriter html)
    {
        int y = 2;
        foreach (var row in _rows)
        {
            Text(html, "label strong", 0, y + 12, row.Label);
            Text(html, "factor", 100, y + 13, row.Factor, "end");
            int middle = y + TextHeight + 13;
            Line(html, "rail", 0, middle, 100, middle);
            if (row is { Before: { } before, After: { } after })
            {
                Line(html, "pair", Axis.At(after), middle, Axis.At(before), middle, row.Text);
            }
            else
            {
                Line(html, "pair", Axis.At(row.ModelAfter), middle, Axis.At(row.ModelBefore), middle, row.Text);
            }

            Samples(html, "sample before", row.BeforeSamples, middle);
            Samples(html, "sample after", row.AfterSamples, middle);
            if (row is { Before: { } was, After: { } now })
            {
                Mark(html, "dot before", "M-6 0A6 6 0 1 0 6 0A6 6 0 1 0-6 0Z", Axis.At(was), middle, Value("before, mean", was, isMeasured: true));
                Mark(html, "dot after", "M-6-6H6V6H-6Z", Axis.At(now), middle, Value("after, mean", now, isMeasured: true));
            }

            Mark(html, "mark", "M0 3L6 13H-6Z", Axis.At(row.ModelBefore), middle + 4, Value("model, before", row.ModelBefore, isMeasured: false));
            Mark(html, "mark", "M0 3L6 13H-6Z", Axis.At(row.ModelAfter), middle + 4, Value("model, after", row.ModelAfter, isMeasured: false));
            y += RowHeight;
        }
    }

    private void Samples(HtmlWriter html, string style, IReadOnlyList<double> samples, int middle)
    {
        foreach (double sample in samples)
        {
            Shape(
                html, "circle", Value("sample", sample, isMeasured: true), ("class", style), ("cx", Axis.Percent(Axis.At(sample))), ("cy", Px(middle)), ("r", "3"));
        }
    }

    private string Value(string what, double value, bool isMeasured) => string.Create(
        CultureInfo.InvariantCulture, $"{what}: {Axis.Format(Math.Round(value, 1))} {(isMeasured ? _measured : _modelled)}");
}
