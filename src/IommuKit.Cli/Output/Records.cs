using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CsvHelper;
using CsvHelper.Configuration;
using CsvHelper.TypeConversion;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>Writes records as JSON and CSV. Names are those of the properties in snake_case, unless an attribute gives another.</summary>
internal static class Records
{
    private static readonly JsonSerializerOptions Compact = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true };

    /// <summary>Writes one object.</summary>
    public static void WriteJson<T>(TextWriter writer, T record) => writer.WriteLine(Json(record, Indented));

    /// <summary>Writes one array.</summary>
    public static void WriteJsonArray<T>(TextWriter writer, IReadOnlyList<T> records) =>
        writer.WriteLine(Json(records, Indented));

    /// <summary>Writes each record on a line of its own.</summary>
    public static void WriteJsonLines<T>(TextWriter writer, IReadOnlyList<T> records)
    {
        foreach (var record in records)
        {
            writer.WriteLine(Json(record, Compact));
        }
    }

    /// <summary>Writes a header and a line for each record.</summary>
    public static void WriteCsv<T>(TextWriter writer, IReadOnlyList<T> records)
    {
        // Apart from the writer, whose errors CsvHelper would hide in its own.
        using var text = new StringWriter();
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { NewLine = "\n" }, leaveOpen: true);
        var map = new DefaultClassMap<T>();
        map.AutoMap(CultureInfo.InvariantCulture);
        foreach (var member in map.MemberMaps)
        {
            member.Name(NameOf(member.Data.Member!));
        }

        csv.Context.TypeConverterCache.AddConverter<string>(new TextConverter());
        csv.Context.RegisterClassMap(map);
        csv.WriteRecords(records);
        csv.Flush();
        writer.Write(text.ToString());
    }

    /// <summary>
    /// JSON of a value. What is not seen of its text is escaped, where the serialiser leaves it: it says the same to programs, and nothing to a
    /// terminal.
    /// </summary>
    private static string Json<T>(T value, JsonSerializerOptions options)
    {
        string json = JsonSerializer.Serialize(value, options);
        if (Ascii.IsValid(json))
        {
            return json;
        }

        var escaped = new StringBuilder(json.Length);
        foreach (var rune in json.EnumerateRunes())
        {
            string text = rune.ToString();
            escaped.Append(rune.IsAscii || !Printable.IsHidden(rune)
                ? text
                : string.Concat(text.Select(c => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"))));
        }

        return escaped.ToString();
    }

    private static string NameOf(MemberInfo member) =>
        member.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Name);

    /// <summary>
    /// Text of a cell: in one line, and with an apostrophe before what spreadsheets would take for a formula.
    /// </summary>
    private sealed class TextConverter : StringConverter
    {
        public override string? ConvertToString(object? value, IWriterRow row, MemberMapData memberMapData) =>
            value is string text ? CellOf(Printable.Of(text), memberMapData) : base.ConvertToString(value, row, memberMapData);

        // Some spreadsheets trim blanks first.
        private static string CellOf(string text, MemberMapData member) =>
            text.TrimStart() is ['=' or '+' or '-' or '@', _, ..] && member.Member?.IsDefined(typeof(OwnWordsAttribute)) != true ? $"'{text}" : text;
    }
}
