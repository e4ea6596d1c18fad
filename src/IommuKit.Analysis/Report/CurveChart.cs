using System.Globalization;
using System.Text;

namespace IommuKit.Analysis.Report;

/// <summary>
/// Distributions as rising lines: at each value, the share of all that does not exceed it. Every line has a dash, a mark and a label of its own.
/// </summary>
public sealed class CurveChart : Chart
{
    private const int Height = 240;
    private const int Steps = 200;

    // The nested drawing is stretched to the page; its own units do not show.
    private const int Scale = 1000;

    private static readonly string[] Marks =
        [
            "M0-5L5 0L0 5L-5 0Z", "M-4-4H4V4H-4Z", "M0-5L5 4H-5Z",
            "M0 5L5-4H-5Z", "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z", "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
        ];

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
            Text(html, "tick", 0, share < 1 ? Y(share) - 4 : Y(share) + 12, string.Create(CultureInfo.InvariantCulture, $"{share:0 %}"), dx: 3);
        }

        foreach (var curve in _curves)
        {
            html.Open(
                "svg",
                ("x", "0"), ("y", "0"), ("width", "100%"), ("height", Px(Height)),
                ("viewBox", $"0 0 {Scale} {Height}"), ("preserveAspectRatio", "none"));
            Shape(html, "polyline", curve.Label, ("class", $"curve c{StyleOf(curve)}"), ("points", Points(curve)));
            html.Close();
        }

        // Over all lines, and each at a height of its own, so that none covers another. A line rises from left to right: free
        // are the sides above left and below right.
        for (int i = 0; i < _curves.Count; i++)
        {
            double share = 1 - ((i + 0.75) / (_curves.Count + 0.5));
            double at = Axis.At(_curves[i].Quantile(share));
            bool isLeft = at > 50;
            int style = StyleOf(_curves[i]);
            Mark(html, $"mark c{style}", Marks[style], at, Y(share), _curves[i].Label);
            Text(html, "label", at, Y(share) + (isLeft ? -4 : 11), _curves[i].Label, isLeft ? "end" : "start", isLeft ? -8 : 8);
        }
    }

    /// <summary>The shape of the mark of a number.</summary>
    internal static string MarkOf(int style) => Marks[style % Marks.Length];

    private static int StyleOf(Curve curve) => curve.Style % Marks.Length;

    // Room for half a line of text above and below.
    private static double Y(double share) => 8 + ((1 - share) * (Height - 16));

    /// <summary>Steps: a share lies at its value, not between two.</summary>
    private string Points(Curve curve)
    {
        var points = new StringBuilder();
        double x = XOf(0);
        Add(x, 0);
        for (int step = 1; step <= Steps; step++)
        {
            double next = XOf((double)step / Steps);
            if (next != x)
            {
                Add(x, (step - 1.0) / Steps);
                Add(next, (step - 1.0) / Steps);
                x = next;
            }
        }

        Add(x, 1);
        return points.ToString();

        double XOf(double share) => Axis.At(curve.Quantile(share)) / 100 * Scale;

        void Add(double at, double share) => points.Append(points.Length == 0 ? string.Empty : " ").Append(Px(at)).Append(',').Append(Px(Y(share)));
    }
}
