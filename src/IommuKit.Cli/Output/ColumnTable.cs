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

    /// <summary>Whether all columns that must be there find room.</summary>
    public bool Fits(IAnsiConsole console) =>
        WidthOf(Enumerable.Range(0, _columns.Count).Where(index => _columns[index].Rank == 0).Select(WidthOf)) <= console.Profile.Width;

    /// <summary>The headers of the columns that were written.</summary>
    public IReadOnlyList<string> Shown { get; private set; } = [];

    /// <summary>Writes the table.</summary>
    /// <returns>
    /// The columns that were left out: first those that say nothing, as all their numbers are 0, then those that say the same in every row, then by
    /// rank; and if that is not enough, the last numbers. Names stay, and so does one number: a line too long is better than half of one.
    /// </returns>
    public IReadOnlyList<string> Write(IAnsiConsole console)
    {
        int[] widths = [.. Enumerable.Range(0, _columns.Count).Select(WidthOf)];
        string?[] same = [.. _columns.Select((_, index) => SameIn(index))];
        var shown = Enumerable.Range(0, _columns.Count).ToList();
        while (WidthOf(shown.Select(index => widths[index])) > console.Profile.Width && Least(shown, same) is { } least)
        {
            shown.Remove(least);
        }

        Shown = [.. shown.Select(index => _columns[index].Header)];
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

        // What is still too wide would be wrapped in the middle of names and numbers.
        int width = console.Profile.Width;
        console.Profile.Width = Math.Max(width, WidthOf(shown.Select(index => widths[index])));
        console.Write(table);
        console.Profile.Width = width;
        return
        [
            .. Enumerable.Range(0, _columns.Count).Except(shown).Select(index => same[index] is null or "" or "0"
                ? _columns[index].Header
                : $"{_columns[index].Header} ({same[index]} in each row)"),
        ];
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

    /// <summary>The column that goes next; null if none may.</summary>
    private int? Least(List<int> shown, string?[] same)
    {
        var optional = shown.FindAll(index => _columns[index].Rank != 0 || (same[index] is not null && !_columns[index].IsNumber));
        if (optional.Count != 0 && shown.Count > 1)
        {
            return optional.MaxBy(index => (same[index] is "0" or "", same[index] is not null, _columns[index].Rank));
        }

        var numbers = shown.FindAll(index => _columns[index].IsNumber);
        return numbers.Count > 1 ? numbers[^1] : null;
    }

    /// <summary>What a column has in all of several rows, of which some are empty where all others are 0; null if they differ.</summary>
    private string? SameIn(int index)
    {
        string[] cells = [.. CellsOf(index)];
        string[] told = [.. cells.Distinct(StringComparer.Ordinal)];
        return cells.Length == 0 ? null
            : told is ["0"] or [""] || (_columns[index].IsNumber && told is ["0", ""] or ["", "0"]) ? "0"
            : told is [var only] && cells.Length > 1 ? only
            : null;
    }

    private int WidthOf(int index) => CellsOf(index).Select(cell => cell.Length).Append(_columns[index].Header.Length).Max();

    private IEnumerable<string> CellsOf(int index) => _rows.Where(row => row.Length != 0).Select(row => row[index]);

    private sealed record Column(string Header, int Rank, bool IsNumber);
}
