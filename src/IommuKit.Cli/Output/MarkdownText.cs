using System.Buffers;
using System.Text;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

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
