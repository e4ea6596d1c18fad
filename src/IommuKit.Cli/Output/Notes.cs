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
