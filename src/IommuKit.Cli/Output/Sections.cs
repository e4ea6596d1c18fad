using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>Writes an answer in sections: a word in front of each, and sentences that wrap beside it.</summary>
/// <param name="console">Where to.</param>
/// <param name="isMarkdown">Whether as Markdown.</param>
/// <param name="labelWidth">Columns for the words in front, with a blank.</param>
internal sealed class Sections(IAnsiConsole console, bool isMarkdown, int labelWidth = 10)
{
    // Wider than this, lines are hard to read; and files and pipes have no width of their own.
    private const int MostColumns = 100;
    private const int UsualColumns = 80;
    private const int FewestColumns = 40;

    // The prompt that follows is on the screen too.
    private const int RowsOfPrompt = 1;

    private static readonly Style Strong = new(decoration: Decoration.Bold);

    private readonly List<Row> _rows = [];
    private int _sentences;
    private int _sections;

    /// <summary>Columns of a line.</summary>
    public int Width { get; } = console.Profile.Width > 1000 ? UsualColumns : Math.Clamp(console.Profile.Width, FewestColumns, MostColumns);

    /// <summary>Adds sentences without a word in front.</summary>
    public void Plain(string text, Style? style = null)
    {
        foreach (string line in isMarkdown ? [text] : Wrapped.Lines(text, Width))
        {
            _rows.Add(new Row(string.Empty, line, style, LineWeight.Answer));
        }
    }

    /// <summary>Adds a blank line.</summary>
    public void Blank() => _rows.Add(Row.Blank);

    /// <summary>Adds a section.</summary>
    /// <param name="label">The word in front.</param>
    /// <param name="lines">Its sentences.</param>
    /// <param name="isOne">Whether they go together where a terminal is too short.</param>
    public void Section(string label, IEnumerable<SectionLine> lines, bool isOne = false)
    {
        Blank();
        if (isMarkdown)
        {
            AddMarkdown($"**{MarkdownText.Of(label)}**");
            Blank();
        }

        _sections++;
        bool isInTable = false;
        bool isFirst = true;
        foreach (var line in lines)
        {
            _sentences += isOne && !isFirst ? 0 : 1;
            isFirst = false;
            if (isMarkdown && line.Cells is { } cells)
            {
                AddCells(cells, isFirst: !isInTable);
                isInTable = true;
                continue;
            }

            if (isInTable)
            {
                Blank();
                isInTable = false;
            }

            foreach (string part in Lines(line.Text))
            {
                _rows.Add(new Row(label, part, line.Style, line.Weight) { Sentence = _sentences, Section = _sections });
            }
        }
    }

    private void AddCells(IReadOnlyList<string> cells, bool isFirst)
    {
        AddMarkdown($"| {string.Join(" | ", cells.Select(MarkdownText.Of))} |");
        if (isFirst)
        {
            AddMarkdown($"|---|{string.Concat(Enumerable.Repeat("---:|", cells.Count - 1))}");
        }
    }

    private void AddMarkdown(string line) =>
        _rows.Add(new Row(string.Empty, line, null, LineWeight.Answer) { IsMarkdown = true, Sentence = _sentences });

    /// <summary>Writes all that was added.</summary>
    public void Write() => Write(_rows);

    /// <summary>
    /// Writes all that was added on one screen of a terminal, as far as that goes: where it is too short, the blank lines go first, then notes, then what
    /// is more of the same.
    /// </summary>
    /// <param name="more">The last sentence, with the word in front; told how many lines were left out.</param>
    public void WriteOnOneScreen(Func<int, (string Label, string Text)> more)
    {
        int rows = isMarkdown ? int.MaxValue : console.Profile.Height - RowsOfPrompt;
        List<Row> shown = [.. _rows];
        // The last sentence takes a line, and a blank one before it.
        if (shown.Count + 2 > rows)
        {
            shown = shown.FindAll(row => !row.IsBlank);
        }

        int withAll = shown.Count;
        for (var weight = LineWeight.Note; weight > LineWeight.Answer; weight--)
        {
            // The last go first, and whole sentences: half of one says nothing.
            while (shown.Count + 1 > rows && shown.FindLast(row => row.Weight == weight) is { } last)
            {
                shown = shown.FindAll(row => row.Sentence != last.Sentence);
            }
        }

        bool isTight = shown.Count < _rows.Count;
        var (label, text) = more(withAll - shown.Count);
        int before = _rows.Count;
        Section(label, [new SectionLine(text)]);
        Write([.. shown, .. _rows.Skip(before).Where(row => !(isTight && row.IsBlank))]);
    }

    private IEnumerable<string> Lines(string text)
    {
        bool isRow = text.StartsWith(' ') && text.Length <= Width - labelWidth;
        return isMarkdown || isRow ? [text] : Wrapped.Lines(text.TrimStart(), Width - labelWidth);
    }

    private void Write(IEnumerable<Row> rows)
    {
        int section = 0;
        foreach (var row in rows)
        {
            if (row.IsBlank)
            {
                console.WriteLine();
            }
            else if (isMarkdown)
            {
                console.WriteLine(row.IsMarkdown ? row.Text : $"- {MarkdownText.Of(row.Text.Trim())}");
            }
            else
            {
                // The word stands before the first line of a section that is shown.
                string front = row.Section == 0 ? string.Empty : (row.Section == section ? string.Empty : row.Label).PadRight(labelWidth);
                section = row.Section;
                console.Write(new Text(front, Strong));
                console.Write(new Text(row.Text, row.Style));
                console.WriteLine();
            }
        }
    }

    private sealed record Row(string Label, string Text, Style? Style, LineWeight Weight)
    {
        /// <summary>A line with nothing.</summary>
        public static Row Blank { get; } = new(string.Empty, string.Empty, null, LineWeight.Answer) { IsBlank = true };

        /// <summary>Which section it is of; 0 if it is of none.</summary>
        public int Section { get; init; }

        /// <summary>Which sentence it is a line of.</summary>
        public int Sentence { get; init; }

        /// <summary>Whether it only makes room.</summary>
        public bool IsBlank { get; private init; }

        /// <summary>Whether it is Markdown as it is, and not a sentence.</summary>
        public bool IsMarkdown { get; init; }
    }
}
