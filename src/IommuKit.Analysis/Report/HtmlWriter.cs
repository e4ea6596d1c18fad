using System.Net;
using System.Text;
using IommuKit.Traces;

namespace IommuKit.Analysis.Report;

/// <summary>Writes HTML and the SVG in it, so that elements always close and no text becomes markup, no matter who wrote it.</summary>
/// <param name="output">Where to.</param>
public sealed class HtmlWriter(TextWriter output)
{
    // Between these, a line break would show as a space.
    private static readonly HashSet<string> Inline = ["a", "b", "bdi", "code", "li", "span", "strong", "td", "text", "th", "title", "path", "rect", "line", "polyline", "circle"];

    private readonly Stack<string> _open = new();

    /// <summary>Text as HTML has it: nothing in it is markup, and nothing in it changes the direction or place of what comes after.</summary>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            clean.Append(IsHarmful(rune) ? Rune.ReplacementChar.ToString() : rune.ToString());
        }

        return WebUtility.HtmlEncode(clean.ToString());
    }

    /// <summary>Opens an element.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="attributes">Its attributes.</param>
    public void Open(string tag, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        WriteTag(tag, attributes);
        output.Write('>');
        _open.Push(tag);
    }

    /// <summary>Closes the element that was opened last.</summary>
    public void Close()
    {
        string tag = _open.Pop();
        output.Write($"</{tag}>");
        if (!Inline.Contains(tag))
        {
            output.Write('\n');
        }
    }

    /// <summary>Writes an element with nothing but text.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="text">The text.</param>
    /// <param name="attributes">Its attributes.</param>
    public void Element(string tag, string text, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        Open(tag, attributes);
        Text(text);
        Close();
    }

    /// <summary>Writes an element that can hold nothing: a void one of HTML, or a shape of SVG.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="attributes">Its attributes.</param>
    public void Empty(string tag, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        WriteTag(tag, attributes);
        output.Write("/>");
    }

    /// <summary>Writes text.</summary>
    public void Text(string text) => output.Write(Escape(text));

    /// <summary>Writes the style sheet, which is no text: it comes from this program alone.</summary>
    internal void Style(string css) => output.Write($"<style>\n{css}</style>\n");

    /// <summary>Says what kind of document follows.</summary>
    internal void Doctype() => output.Write("<!DOCTYPE html>\n");

    // Control characters are not allowed, and what is not seen can make a name look like another.
    private static bool IsHarmful(Rune rune) => rune.Value is not ('\n' or '\t') && Printable.IsHidden(rune);

    private void WriteTag(string tag, ReadOnlySpan<(string Name, string Value)> attributes)
    {
        output.Write($"<{tag}");
        foreach (var (name, value) in attributes)
        {
            output.Write($" {name}=\"{Escape(value)}\"");
        }
    }
}
