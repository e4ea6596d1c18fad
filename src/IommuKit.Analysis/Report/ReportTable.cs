namespace IommuKit.Analysis.Report;

/// <summary>A table. Its first column names the rows. A column that has nothing to say in any row, but "–", is left out.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Columns">The columns.</param>
/// <param name="Rows">The rows: a cell for each column.</param>
public sealed record ReportTable(string Caption, IReadOnlyList<ReportColumn> Columns, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>Number of the row that matters most, counted from 0; negative if none does.</summary>
    public int Emphasis { get; init; } = -1;

    /// <summary>Writes the HTML. What is too wide scrolls in a frame of its own, also by keys.</summary>
    internal void Write(HtmlWriter html)
    {
        int[] shown = [.. Enumerable.Range(0, Columns.Count).Where(index => index == 0 || Rows.Count == 0 || Rows.Any(row => row[index] != "–"))];
        html.Open("div", ("class", "scroll"), ("role", "region"), ("tabindex", "0"), ("aria-label", Caption));
        html.Open("table");
        html.Element("caption", Caption);
        html.Open("thead");
        html.Open("tr");
        foreach (int i in shown)
        {
            html.Element("th", Columns[i].Header, ("scope", "col"), ("class", StyleOf(Columns[i])));
        }

        html.Close();
        html.Close();
        html.Open("tbody");
        for (int index = 0; index < Rows.Count; index++)
        {
            var row = Rows[index];
            html.Open("tr", index == Emphasis ? [("class", "emphasis")] : []);
            foreach (int i in shown)
            {
                if (i == 0)
                {
                    html.Element("th", row[i], ("scope", "row"), ("class", StyleOf(Columns[i])));
                }
                else
                {
                    html.Element("td", row[i], ("class", StyleOf(Columns[i])));
                }
            }

            html.Close();
        }

        html.Close();
        html.Close();
        html.Close();
    }

    private static string StyleOf(ReportColumn column) => column.IsNumber ? "number" : "words";
}
