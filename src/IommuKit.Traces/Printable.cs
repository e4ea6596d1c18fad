using System.Buffers;
using System.Globalization;
using System.Text;

namespace IommuKit.Traces;

/// <summary>
/// Text from outside, such as names of files, costs and titles, as it may stand in a line of a terminal, a table or a page: it cannot move the
/// cursor, change colours, turn the direction of what follows, hide, or begin a line of its own.
/// </summary>
public static class Printable
{
    private const char Replacement = '\ufffd';

    // Nearly all text has none but these.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create(string.Concat(Enumerable.Range(0x20, 0x5f).Select(c => (char)c)) + "µ×–…→─│├└°²≤≥·");

    /// <summary>The text with a blank for each line end and tab, and U+FFFD for each other character that is not seen or not one.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.AsSpan().ContainsAnyExcept(Plain) ? string.Concat(text.EnumerateRunes().Select(Shown)) : text;
    }

    /// <summary>Whether a character is not seen, or not one: it can only do something to those around it.</summary>
    public static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned;

    private static string Shown(Rune rune) => rune.Value switch
    {
        '\n' or '\r' or '\t' => " ",
        _ => IsHidden(rune) ? Replacement.ToString() : rune.ToString(),
    };
}
