using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>Writes records as JSON.</summary>
internal static class Json
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions Indented = Compact with { Indented = true };

    /// <summary>Writes one object.</summary>
    public static void Write<T>(TextWriter writer, FieldList<T> fields, T record) =>
        writer.WriteLine(TextOf(Indented, json => fields.WriteJson(json, record)));

    /// <summary>Writes one array.</summary>
    public static void WriteArray<T>(TextWriter writer, FieldList<T> fields, IEnumerable<T> records) => writer.WriteLine(TextOf(Indented, json =>
    {
        json.WriteStartArray();
        foreach (var record in records)
        {
            fields.WriteJson(json, record);
        }

        json.WriteEndArray();
    }));

    /// <summary>Writes each record on a line of its own.</summary>
    public static void WriteLines<T>(TextWriter writer, FieldList<T> fields, IEnumerable<T> records)
    {
        foreach (var record in records)
        {
            writer.WriteLine(TextOf(Compact, json => fields.WriteJson(json, record)));
        }
    }

    /// <summary>
    /// JSON text. What is not seen of it is escaped, where the writer leaves it: it says the same to programs, and nothing to a terminal.
    /// </summary>
    private static string TextOf(JsonWriterOptions options, Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, options))
        {
            write(json);
        }

        string text = Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
        if (Ascii.IsValid(text))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            string character = rune.ToString();
            escaped.Append(rune.IsAscii || !Printable.IsHidden(rune)
                ? character
                : string.Concat(character.Select(c => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"))));
        }

        return escaped.ToString();
    }
}
