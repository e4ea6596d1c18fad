namespace IommuKit.Analysis.Report;

/// <summary>
/// A report as one HTML file that needs nothing else: no script, no picture, no font, no network. It says so to the browser too, so that not even a
/// mistake here could load or run something.
/// </summary>
public static class ReportDocument
{
    private static readonly Lazy<string> Css = new(LoadStyle);

    /// <summary>Writes a report.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="title">Its title.</param>
    /// <param name="lead">What it is about, and what its numbers are.</param>
    /// <param name="sections">Its parts.</param>
    /// <param name="kicker">What kind of report it is, above the title; or empty.</param>
    public static void Write(
        TextWriter output, string title, IReadOnlyList<string> lead, IReadOnlyList<ReportSection> sections, string kicker = "")
    {
        ArgumentNullException.ThrowIfNull(lead);
        ArgumentNullException.ThrowIfNull(sections);
        var html = new HtmlWriter(output);
        html.Doctype();
        html.Open("html", ("lang", "en"));
        WriteHead(html, title);
        html.Open("body");
        html.Open("header");
        if (!string.IsNullOrEmpty(kicker))
        {
            html.Element("p", kicker, ("class", "kicker"));
        }

        html.Element("h1", title);
        foreach (string paragraph in lead)
        {
            html.Element("p", paragraph);
        }

        html.Close();
        WriteContents(html, sections);
        html.Open("main");
        var body = new ReportBody(html);
        foreach (var section in sections)
        {
            html.Open("section", ("id", section.Id), ("aria-labelledby", $"{section.Id}-title"));
            html.Element("h2", section.Title, ("id", $"{section.Id}-title"));
            section.Write(body);
            html.Close();
        }

        html.Close();
        html.Close();
        html.Close();
    }

    private static void WriteHead(HtmlWriter html, string title)
    {
        html.Open("head");
        html.Empty("meta", ("charset", "utf-8"));
        html.Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", "default-src 'none'; style-src 'unsafe-inline'"));
        html.Empty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        html.Empty("meta", ("name", "color-scheme"), ("content", "light dark"));
        html.Element("title", title);
        html.Style(Css.Value);
        html.Close();
    }

    private static void WriteContents(HtmlWriter html, IReadOnlyList<ReportSection> sections)
    {
        html.Open("nav", ("aria-label", "Contents"));
        html.Open("ol");
        foreach (var section in sections)
        {
            html.Open("li");
            html.Element("a", section.Title, ("href", $"#{section.Id}"));
            html.Close();
        }

        html.Close();
        html.Close();
    }

    private static string LoadStyle()
    {
        using var stream = typeof(ReportDocument).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
