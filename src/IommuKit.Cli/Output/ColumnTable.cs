using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>A table that leaves columns out where the console is too narrow, and never wraps or cuts a cell.</summary>
internal sealed class ColumnTable(string title, bool isMarkdown)
{
    // A blank on both sides of a cell and a border between cells; and the outer borders.
    private const int ColumnMargin = 3;
    private const int TableMargin = 1;

    private readonly List<Column> _columns = [];
    private readonly List<string[]> _rows = [];

    /// <summary>A table of rows that each have a cell in every column.</summary>
    public static ColumnTable Of<T>(string title, bool isMarkdown, IEnumerable<Column<T>> columns, IEnumerable<T> rows)
    {
        var table = new ColumnTable(title, isMarkdown);
        Column<T>[] all = [.. columns];
        foreach (var column in all)
        {
            table.AddColumn(column.Header, column.Rank, column.IsNumber);
        }

        foreach (var row in rows)
        {
            table.AddRow([.. all.Select(column => column.Cell(row))]);
        }

        return table;
    }

    /// <summary>Adds a column.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="rank">0 if it must be there; the higher, the sooner it is left out.</param>
    /// <param name="isNumber">Whether it holds numbers.</param>
    public void AddColumn(string header, int rank = 0, bool isNumber = true) => _columns.Add(new Column(header, rank, isNumber));

    /// <summary>Adds a row with a cell for each column, or an empty one.</summary>
    public void AddRow(params string[] cells) => _rows.Add([.. cells.Select(cell => isMarkdown ? MarkdownText.Of(cell) : Printable.Of(cell))]);

    /// <summary>How wide a table with some of the columns is.</summary>
    public static int WidthOf(IEnumerable<int> cellWidths) => TableMargin + cellWidths.Sum(width => width + ColumnMargin);

    /// <summary>Writes the table.</summary>
    /// <returns>The headers of the columns that were left out: first those that say nothing, as all their numbers are 0, then by rank.</returns>
    public IReadOnlyList<string> Write(IAnsiConsole console)
    {
        int[] widths = [.. _columns.Select((column, index) =>
            _rows.Where(row => row.Length != 0).Select(row => row[index].Length).Append(column.Header.Length).Max())];
        bool[] areZero = [.. _columns.Select((column, index) => column.IsNumber && IsZero(index))];
        var shown = Enumerable.Range(0, _columns.Count).ToList();
        while (WidthOf(shown.Select(index => widths[index])) > console.Profile.Width && shown.Any(index => _columns[index].Rank != 0))
        {
            shown.Remove(shown.Where(index => _columns[index].Rank != 0).MaxBy(index => (areZero[index], _columns[index].Rank)));
        }

        console.WriteLine(isMarkdown ? $"**{MarkdownText.Of(title)}**" : Printable.Of(title));
        if (isMarkdown)
        {
            console.WriteLine();
        }

        var table = new Table { Border = isMarkdown ? TableBorder.Markdown : TableBorder.Simple };
        foreach (var column in shown.Select(index => _columns[index]))
        {
            var tableColumn = new TableColumn(Markup.Escape(column.Header)).NoWrap();
            table.AddColumn(column.IsNumber ? tableColumn.RightAligned() : tableColumn);
        }

        foreach (string[] row in _rows)
        {
            table.AddRow([.. shown.Select(index => row.Length == 0 ? string.Empty : Markup.Escape(row[index]))]);
        }

        console.Write(table);
        return [.. Enumerable.Range(0, _columns.Count).Except(shown).Select(index => _columns[index].Header)];
    }

    /// <summary>Says which columns are missing, if any are.</summary>
    public static void WriteLeftOut(IAnsiConsole console, IEnumerable<string> headers)
    {
        string[] names = [.. headers.Distinct(StringComparer.Ordinal)];
        if (names.Length != 0)
        {
            console.WriteLine(
                $"Left out, as the terminal is narrow: {string.Join(", ", names)}. --csv and --json have all that was counted and measured.");
        }
    }

    private bool IsZero(int index)
    {
        string[] cells = [.. _rows.Where(row => row.Length != 0).Select(row => row[index]).Where(cell => cell.Length != 0)];
        return cells.Length != 0 && Array.TrueForAll(cells, cell => cell == "0");
    }

    private sealed record Column(string Header, int Rank, bool IsNumber);
}
