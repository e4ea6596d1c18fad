using IommuKit.Cli.Invocation;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>Writes results in the format that was asked for.</summary>
internal sealed class Results(CommandContext context, ResultFile file, OutputFormat format)
{
    /// <summary>Writes records, or a table of the same.</summary>
    /// <param name="fields">What JSON and CSV have of them.</param>
    /// <param name="records">The records.</param>
    /// <param name="writeTable">Writes the table; told whether as Markdown.</param>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void Write<T>(FieldList<T> fields, IReadOnlyList<T> records, Action<IAnsiConsole, bool> writeTable) =>
        WriteEach(fields, records, fields, records, writeTable);

    /// <summary>Writes one object, or rows of it, or tables.</summary>
    /// <param name="fields">What JSON has.</param>
    /// <param name="whole">The object.</param>
    /// <param name="rowFields">What CSV has.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="writeTables">Writes the tables; told whether as Markdown.</param>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void WriteOne<TWhole, TRow>(
        FieldList<TWhole> fields, TWhole whole, FieldList<TRow> rowFields, IReadOnlyList<TRow> rows, Action<IAnsiConsole, bool> writeTables) =>
        Write((writer, _) =>
        {
            if (format == OutputFormat.Json)
            {
                Json.Write(writer, fields, whole);
            }
            else
            {
                WriteTo(writer, fields, [whole], rowFields, rows, writeTables);
            }
        });

    /// <summary>Writes several objects, or rows of all of them, or tables.</summary>
    /// <param name="fields">What JSON has.</param>
    /// <param name="wholes">The objects.</param>
    /// <param name="rowFields">What CSV has.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="writeTables">Writes the tables; told whether as Markdown.</param>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void WriteEach<TWhole, TRow>(
        FieldList<TWhole> fields,
        IReadOnlyList<TWhole> wholes,
        FieldList<TRow> rowFields,
        IReadOnlyList<TRow> rows,
        Action<IAnsiConsole, bool> writeTables) => Write((writer, _) => WriteTo(writer, fields, wholes, rowFields, rows, writeTables));

    /// <summary>Writes something that is not records.</summary>
    /// <param name="write">Writes it; told where and in which format.</param>
    /// <exception cref="InputException">It cannot be written.</exception>
    public void Write(Action<TextWriter, OutputFormat> write)
    {
        try
        {
            write(file.Writer, format);
            file.Writer.Flush();
        }
        catch (UnauthorizedAccessException e)
        {
            // It is closed, or open for reading only.
            throw new InputException("standard output: cannot be written", e);
        }
        catch (IOException e)
        {
            throw new InputException($"standard output: {FileProblem.Describe(e)}", e);
        }

        file.Commit();
        context.Announce(file);
    }

    private void WriteTo<TWhole, TRow>(
        TextWriter writer,
        FieldList<TWhole> fields,
        IReadOnlyList<TWhole> wholes,
        FieldList<TRow> rowFields,
        IReadOnlyList<TRow> rows,
        Action<IAnsiConsole, bool> writeTables)
    {
        switch (format)
        {
            case OutputFormat.Json:
                Json.WriteArray(writer, fields, wholes);
                break;
            case OutputFormat.JsonLines:
                Json.WriteLines(writer, fields, wholes);
                break;
            case OutputFormat.Csv:
                Csv.Write(writer, rowFields, rows);
                break;
            default:
                bool isMarkdown = format == OutputFormat.Markdown;
                writeTables(context.ConsoleFor(writer, isMarkdown), isMarkdown);
                break;
        }
    }
}
