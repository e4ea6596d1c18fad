using System.Buffers;
using System.Text;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>Sentences beside tables.</summary>
internal static class Notes
{
    /// <summary>
    /// Writes a sentence on a line of its own; in Markdown as an item of a list, as lines there run together and stars are no stars.
    /// </summary>
    public static void Note(this IAnsiConsole console, bool isMarkdown, string text) =>
        console.WriteLine(isMarkdown ? $"- {MarkdownText.Of(text.TrimStart())}" : Printable.Of(text));
}

/// <summary>Text as Markdown has it: nothing in it is a table, a link, code, emphasis or HTML.</summary>
internal static class MarkdownText
{
    private static readonly SearchValues<char> Special = SearchValues.Create(@"\`*|<[]");

    public static string Of(string text)
    {
        text = Printable.Of(text);
        if (!text.AsSpan().ContainsAny(Special))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 8);
        foreach (char c in text)
        {
            escaped.Append(Special.Contains(c) ? @"\" : string.Empty).Append(c);
        }

        return escaped.ToString();
    }
}
