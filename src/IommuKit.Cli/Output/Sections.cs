using IommuKit.Traces;
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

    /// <summary>Columns of a line.</summary>
    public int Width { get; } = console.Profile.Width > 1000 ? UsualColumns : Math.Clamp(console.Profile.Width, FewestColumns, MostColumns);

    /// <summary>Writes sentences without a word in front.</summary>
    public void Plain(string text, Style? style = null)
    {
        foreach (string line in Wrap(text, Width))
        {
            WriteLine(line, style);
        }
    }

    /// <summary>Writes a section.</summary>
    /// <param name="label">The word in front.</param>
    /// <param name="lines">
    /// Its sentences, each with the style of what it says; one that starts with a blank is a row of a table and does not wrap.
    /// </param>
    public void Section(string label, IEnumerable<(string Text, Style? Style)> lines)
    {
        if (isMarkdown)
        {
            console.WriteLine();
            console.WriteLine($"**{MarkdownText.Of(label)}**");
            console.WriteLine();
        }
        else
        {
            console.WriteLine();
        }

        string front = label.PadRight(labelWidth);
        foreach (var (text, style) in lines)
        {
            foreach (string line in text.StartsWith(' ') ? [text] : Wrap(text, Width - labelWidth))
            {
                if (!isMarkdown)
                {
                    console.Write(new Text(front, new Style(decoration: Decoration.Bold)));
                    front = new string(' ', labelWidth);
                }

                WriteLine(line, style);
            }
        }
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        string line = string.Empty;
        foreach (string word in Printable.Of(text).Split(' '))
        {
            if (line.Length != 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = string.Empty;
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }

    private void WriteLine(string line, Style? style)
    {
        if (isMarkdown)
        {
            console.WriteLine($"- {MarkdownText.Of(line.Trim())}");
            return;
        }

        console.Write(new Text(line, style));
        console.WriteLine();
    }
}
