using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The tables of one answer: what is said below them is about the columns that they have.</summary>
internal sealed class TableSet(IAnsiConsole console, bool isMarkdown)
{
    private readonly List<string> _leftOut = [];
    private readonly HashSet<string> _shown = new(StringComparer.Ordinal);

    /// <summary>Writes a table.</summary>
    public void Write(ColumnTable table)
    {
        _leftOut.AddRange(table.Write(console));
        _shown.UnionWith(table.Shown);
    }

    /// <summary>Whether any of the tables has a column.</summary>
    public bool Shows(string header) => _shown.Contains(header);

    /// <summary>Says which columns are missing, if any are.</summary>
    public void WriteLeftOut() => ColumnTable.WriteLeftOut(console, _leftOut);

    /// <summary>Writes what columns mean, of those that are there.</summary>
    /// <param name="meanings">Headers, with a comma between those that mean the same, and what they mean.</param>
    public void Legend(params IEnumerable<(string Headers, string Meaning)> meanings)
    {
        string[] told =
        [
            .. from one in meanings
               let headers = one.Headers.Split(", ").Where(Shows).ToArray()
               where headers.Length != 0
               select $"{string.Join(", ", headers)}: {one.Meaning}",
        ];
        if (told.Length != 0)
        {
            console.Note(isMarkdown, $"{string.Join("; ", told)}.");
        }
    }
}
