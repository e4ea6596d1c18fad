using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>Writes records as CSV.</summary>
internal static class Csv
{
    /// <summary>Writes a header and a line for each record.</summary>
    public static void Write<T>(TextWriter writer, FieldList<T> fields, IReadOnlyList<T> records)
    {
        // Apart from the writer, whose errors CsvHelper would hide in its own.
        using var text = new StringWriter();
        using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { NewLine = "\n" }, leaveOpen: true);
        CsvColumn<T>[] columns = [.. fields.CsvColumns(records)];
        foreach (var column in columns)
        {
            csv.WriteField(column.Name);
        }

        csv.NextRecord();
        foreach (var record in records)
        {
            foreach (var column in columns)
            {
                csv.WriteField(column.Cell(record));
            }

            csv.NextRecord();
        }

        csv.Flush();
        writer.Write(text.ToString());
    }

    /// <summary>Text of a cell: in one line, and with an apostrophe before what spreadsheets would take for a formula.</summary>
    public static string TextOf(string text)
    {
        string printable = Printable.Of(text);

        // Some spreadsheets trim blanks first.
        return printable.TrimStart() is ['=' or '+' or '-' or '@', _, ..] ? $"'{printable}" : printable;
    }
}
