using System.Text;

namespace IommuKit.Lab.Report;

/// <summary>Distributions as rising lines: at each value, the share of all that does not exceed it. Every line has a dash, a mark and a label of its own.</summary>
public sealed class CurveChart : Chart
{
    private const int Height = 240;
    private const int Steps = 200;

    // The nested drawing is stretched to the page; its own units do not show.
    private const int Scale = 1000;

    private static readonly string[] Marks =
        ["M0-5L5 0L0 5L-5 0Z", "M-4-4H4V4H-4Z", "M0-5L5 4H-5Z", "M0 5L5-4H-5Z", "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z", "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z"];

    private readonly IReadOnlyList<Curve> _curves;

    /// <summary>Draws distributions.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="description">What is to be seen in it.</param>
    /// <param name="axis">Where values lie.</param>
    /// <param name="unit">What the axis counts.</param>
    /// <param name="curves">The distributions.</param>
    public CurveChart(string title, string description, Axis axis, string unit, IReadOnlyList<Curve> curves)
        : base(title, description, axis, unit)
    {
        _curves = [.. curves.OrderBy(curve => curve.Quantile(0.5))];
    }

    private protected override int PlotHeight => Height;

    private protected override void Draw(HtmlWriter html)
    {
        foreach (double share in (double[])[0, 0.5, 1])
        {
            Line(html, "grid", 0, Y(share), 100, Y(share));
        }

        for (int i = 0; i < _curves.Count; i++)
        {
            html.Open("svg", ("x", "0"), ("y", "0"), ("width", "100%"), ("height", Px(Height)), ("viewBox", $"0 0 {Scale} {Height}"), ("preserveAspectRatio", "none"));
            html.Empty("polyline", ("class", $"curve c{i % Marks.Length}"), ("points", Points(_curves[i])));
            html.Close();
        }

        // Over all lines, and each at a height of its own, so that none covers another.
        for (int i = 0; i < _curves.Count; i++)
        {
            double share = 1 - ((i + 0.75) / (_curves.Count + 0.5));
            double at = Axis.At(_curves[i].Quantile(share));
            bool isLeft = at > 50;
            Mark(html, $"mark c{i % Marks.Length}", Marks[i % Marks.Length], at, Y(share));
            Text(html, "label halo", at, Y(share) + 4, _curves[i].Label, isLeft ? "end" : "start", isLeft ? -9 : 9);
        }
    }

    // Room for half a line of text above and below.
    private static double Y(double share) => 8 + ((1 - share) * (Height - 16));

    private string Points(Curve curve)
    {
        var points = new StringBuilder();
        double last = double.NaN;
        for (int step = 0; step <= Steps; step++)
        {
            double share = (double)step / Steps;
            double x = Axis.At(curve.Quantile(share)) / 100 * Scale;
            if (step != 0)
            {
                // Up only where the value is: a share lies at its value, not between two.
                points.Append(' ').Append(Px(x)).Append(',').Append(Px(Y((double)(step - 1) / Steps)));
            }

            if (x != last || step == Steps)
            {
                points.Append(' ').Append(Px(x)).Append(',').Append(Px(Y(share)));
                last = x;
            }
        }

        return points.ToString().TrimStart();
    }
}
