using System.Globalization;

namespace IommuKit.Analysis.Report;

/// <summary>
/// A picture of numbers, as inline SVG. Across, places are in percent of the page's width, so that a chart fits a phone with text as large as
/// elsewhere; down, they are in pixels.
/// </summary>
public abstract class Chart
{
    private const int AxisHeight = 34;

    private protected Chart(string title, string description, Axis axis, string unit)
    {
        Title = title;
        Description = description;
        Axis = axis;
        Unit = unit;
    }

    /// <summary>What it shows.</summary>
    public string Title { get; }

    /// <summary>What is to be seen in it, for who cannot see it, and how to read it.</summary>
    public string Description { get; }

    /// <summary>What the axis counts.</summary>
    public string Unit { get; }

    private protected Axis Axis { get; }

    /// <summary>Pixels that the drawing takes, without the axis.</summary>
    private protected abstract int PlotHeight { get; }

    /// <summary>Writes the SVG.</summary>
    /// <param name="html">Where to.</param>
    /// <param name="id">The start of the names of its parts: no other chart of the page may have it.</param>
    internal void Write(HtmlWriter html, string id)
    {
        html.Open(
            "svg",
            ("class", "chart"), ("role", "img"), ("width", "100%"), ("height", Px(PlotHeight + AxisHeight)), ("aria-labelledby", $"{id}-t {id}-d"));
        html.Element("title", Title, ("id", $"{id}-t"));
        html.Element("desc", Description, ("id", $"{id}-d"));
        WriteAxis(html);
        Draw(html);
        html.Close();
    }

    private protected abstract void Draw(HtmlWriter html);

    private protected static string Px(double pixels) => pixels.ToString("0.##", CultureInfo.InvariantCulture);

    private protected static void Text(HtmlWriter html, string style, double at, double y, string text, string anchor = "start", double dx = 0) =>
        html.Element("text", text, ("class", style), ("x", Axis.Percent(at)), ("y", Px(y)), ("dx", Px(dx)), ("text-anchor", anchor));

    private protected static void Line(HtmlWriter html, string style, double from, double y1, double to, double y2, string? hover = null) => Shape(
        html, "line", hover, ("class", style), ("x1", Axis.Percent(from)), ("y1", Px(y1)), ("x2", Axis.Percent(to)), ("y2", Px(y2)));

    private protected static void Bar(HtmlWriter html, string style, double from, double to, double y, double height, string? hover = null) => Shape(
        html, "rect", hover, ("class", style), ("x", Axis.Percent(from)), ("y", Px(y)), ("width", Axis.Percent(to - from)), ("height", Px(height)));

    /// <summary>Draws a mark whose shape tells it apart from others.</summary>
    private protected static void Mark(HtmlWriter html, string style, string path, double at, double y, string? hover = null)
    {
        html.Open("svg", ("x", Axis.Percent(at)), ("y", Px(y)), ("overflow", "visible"), ("width", "1"), ("height", "1"));
        Shape(html, "path", hover, ("class", style), ("d", path));
        html.Close();
    }

    /// <summary>Draws a shape that says what it is to a reader who points at it.</summary>
    private protected static void Shape(HtmlWriter html, string tag, string? hover, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        if (hover is null)
        {
            html.Empty(tag, attributes);
            return;
        }

        html.Open(tag, attributes);
        html.Element("title", hover);
        html.Close();
    }

    private void WriteAxis(HtmlWriter html)
    {
        for (int i = 0; i < Axis.Ticks.Count; i++)
        {
            double at = Axis.At(Axis.Ticks[i]);
            Line(html, "grid", at, 0, at, PlotHeight);

            // At the edges text grows inwards, or it would be cut off.
            string anchor = at < 4 ? "start" : at > 96 ? "end" : "middle";
            Text(html, "tick", at, PlotHeight + 14, Axis.Format(Axis.Ticks[i]), anchor);
        }

        Text(html, "tick", 100, PlotHeight + 30, Unit, "end");
    }
}
