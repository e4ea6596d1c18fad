using System.Buffers;
using System.Text;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>Sentences beside tables.</summary>
internal static class Notes
{
    private const int FewestColumns = 20;

    /// <summary>
    /// Writes a sentence on a line of its own, and what does not fit there below it, as far to the right; in Markdown as an item of a list, as lines
    /// there run together and stars are no stars.
    /// </summary>
    public static void Note(this IAnsiConsole console, bool isMarkdown, string text)
    {
        string sentence = text.TrimStart();
        int indent = text.Length - sentence.Length;
        if (isMarkdown || indent == 0 || console.Profile.Width - indent < FewestColumns)
        {
            console.WriteLine(isMarkdown ? $"- {MarkdownText.Of(sentence)}" : Printable.Of(text));
            return;
        }

        foreach (string line in Wrapped.Lines(sentence, console.Profile.Width - indent))
        {
            console.WriteLine($"{new string(' ', indent)}{line}");
        }
    }
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
