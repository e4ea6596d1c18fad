using System.Globalization;

namespace IommuKit.Analysis.Report;

/// <summary>What a part of a report is made of.</summary>
public sealed class ReportBody
{
    private readonly HtmlWriter _html;
    private int _figures;
    private int _level = 3;

    internal ReportBody(HtmlWriter html)
    {
        _html = html;
    }

    /// <summary>Writes a paragraph.</summary>
    public void Paragraph(string text) => _html.Element("p", text);

    /// <summary>Writes a paragraph that says how to read what is near it, or what it holds for.</summary>
    public void Note(string text) => _html.Element("p", text, ("class", "note"));

    /// <summary>Writes a heading below that of the section, or below the one that it is under.</summary>
    public void Heading(string text) => _html.Element($"h{_level}", text);

    /// <summary>Writes a part with a heading and headings below it.</summary>
    /// <param name="heading">The heading.</param>
    /// <param name="write">Writes what is below it.</param>
    public void Part(string heading, Action write)
    {
        ArgumentNullException.ThrowIfNull(write);
        Heading(heading);
        _level++;
        write();
        _level--;
    }

    /// <summary>Writes what opens when somebody asks for it; in print it is open.</summary>
    /// <param name="summary">What it holds.</param>
    /// <param name="write">Writes it.</param>
    public void Fold(string summary, Action write)
    {
        ArgumentNullException.ThrowIfNull(write);
        _html.Open("details", ("class", "fold"));
        _html.Element("summary", summary);
        write();
        _html.Close();
    }

    /// <summary>Writes numbers that are to be seen from afar.</summary>
    public void Tiles(IEnumerable<ReportTile> tiles)
    {
        ArgumentNullException.ThrowIfNull(tiles);
        _html.Open("ul", ("class", "tiles"));
        foreach (var tile in tiles)
        {
            _html.Open("li", ("class", $"tile {StyleOf(tile.Tone)}{(tile.IsWide ? " wide" : string.Empty)}"));
            _html.Element("span", tile.Label, ("class", "what"));
            _html.Element("strong", tile.Value);
            if (tile.Text.Length != 0)
            {
                _html.Element("span", tile.Text, ("class", "note"));
            }

            _html.Close();
        }

        _html.Close();
    }

    /// <summary>Writes what was found, each with what the trace has there.</summary>
    public void Findings(IEnumerable<ReportFinding> findings)
    {
        ArgumentNullException.ThrowIfNull(findings);
        foreach (var finding in findings)
        {
            _html.Open("article", ("class", $"finding {StyleOf(finding.Tone)}"));
            _html.Open($"h{_level}");
            _html.Element("b", finding.Severity, ("class", "badge"));
            _html.Text($" {finding.Title}");
            _html.Close();
            _html.Open("p", ("class", "figures"));
            if (finding.Share is { } share)
            {
                _html.Open(
                    "progress",
                    ("max", "1"), ("value", share.ToString("0.####", CultureInfo.InvariantCulture)), ("aria-label", $"share of {finding.ShareOf}"));
                _html.Close();
            }

            _html.Text(finding.Figures);
            _html.Close();
            foreach (string text in finding.Text)
            {
                Paragraph(text);
            }

            if (finding.Excerpt is { } excerpt)
            {
                Details("The lines of the trace", excerpt, finding.IsOpen);
            }

            _html.Close();
        }
    }

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

    private static string StyleOf(ReportTone tone) => tone switch
    {
        ReportTone.Good => "good",
        ReportTone.Doubtful => "doubtful",
        ReportTone.Bad => "bad",
        ReportTone.Answer => "answer",
        _ => "plain",
    };
}
