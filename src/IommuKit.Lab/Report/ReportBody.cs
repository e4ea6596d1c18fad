namespace IommuKit.Lab.Report;

/// <summary>What a part of a report is made of.</summary>
public sealed class ReportBody
{
    private readonly HtmlWriter _html;
    private int _figures;

    internal ReportBody(HtmlWriter html)
    {
        _html = html;
    }

    /// <summary>Writes a paragraph.</summary>
    public void Paragraph(string text) => _html.Element("p", text);

    /// <summary>Writes a paragraph that says how to read what is near it, or what it holds for.</summary>
    public void Note(string text) => _html.Element("p", text, ("class", "note"));

    /// <summary>Writes a heading below that of the section.</summary>
    public void Heading(string text) => _html.Element("h3", text);

    /// <summary>Writes sentences as a list.</summary>
    public void List(IEnumerable<string> items)
    {
        _html.Open("ul");
        foreach (string item in items)
        {
            _html.Element("li", item);
        }

        _html.Close();
    }

    /// <summary>Writes a table that is always to be seen.</summary>
    public void Table(ReportTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Write(_html);
    }

    /// <summary>Writes a table that opens when somebody asks for it; in print it is open.</summary>
    /// <param name="summary">What it holds.</param>
    /// <param name="table">The table.</param>
    /// <param name="isOpen">Whether it is open at first.</param>
    public void Details(string summary, ReportTable table, bool isOpen = false)
    {
        ArgumentNullException.ThrowIfNull(table);
        _html.Open("details", isOpen ? [("open", "open")] : []);
        _html.Element("summary", summary);
        table.Write(_html);
        _html.Close();
    }

    /// <summary>Writes a chart with the numbers behind it.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="table">Its numbers.</param>
    /// <param name="isOpen">Whether the numbers are to be seen at first.</param>
    public void Figure(Chart chart, ReportTable table, bool isOpen = false)
    {
        ArgumentNullException.ThrowIfNull(chart);
        ArgumentNullException.ThrowIfNull(table);
        _html.Open("figure");
        _html.Open("figcaption");
        _html.Element("strong", chart.Title);
        _html.Element("span", chart.Description);
        _html.Close();
        chart.Write(_html, $"figure-{++_figures}");
        Details("The numbers", table, isOpen);
        _html.Close();
    }

    /// <summary>Writes figures beside each other, where there is room.</summary>
    public void Panels(Action writeFigures)
    {
        ArgumentNullException.ThrowIfNull(writeFigures);
        _html.Open("div", ("class", "panels"));
        writeFigures();
        _html.Close();
    }
}
