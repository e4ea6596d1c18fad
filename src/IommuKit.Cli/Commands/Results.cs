using IommuKit.Cli.Output;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Commands;

/// <summary>Writes results in the format that was asked for.</summary>
internal sealed class Results(CommandContext context, ResultFile file, OutputFormat format)
{
    /// <summary>Writes records, or a table of the same.</summary>
    /// <param name="records">What JSON and CSV have.</param>
    /// <param name="writeTable">Writes the table; told whether as Markdown.</param>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void Write<T>(IReadOnlyList<T> records, Action<IAnsiConsole, bool> writeTable) =>
        Write((_, _) => WriteTo(records, writeTable));

    /// <summary>Writes one object, or rows of it, or tables.</summary>
    /// <param name="whole">What JSON has.</param>
    /// <param name="rows">What CSV has.</param>
    /// <param name="writeTables">Writes the tables; told whether as Markdown.</param>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void WriteOne<TWhole, TRow>(TWhole whole, IReadOnlyList<TRow> rows, Action<IAnsiConsole, bool> writeTables) => Write((writer, _) =>
    {
        switch (format)
        {
            case OutputFormat.Json:
                Records.WriteJson(writer, whole);
                break;
            case OutputFormat.JsonLines:
                Records.WriteJsonLines(writer, [whole]);
                break;
            case OutputFormat.Csv:
                Records.WriteCsv(writer, rows);
                break;
            default:
                bool isMarkdown = format == OutputFormat.Markdown;
                writeTables(context.ConsoleFor(writer, isMarkdown), isMarkdown);
                break;
        }
    });

    /// <summary>Writes several objects, or rows of all of them, or tables.</summary>
    /// <param name="wholes">What JSON has.</param>
    /// <param name="rows">What CSV has.</param>
    /// <param name="writeTables">Writes the tables; told whether as Markdown.</param>
    /// <exception cref="InputException">They cannot be written.</exception>
    public void WriteEach<TWhole, TRow>(IReadOnlyList<TWhole> wholes, IReadOnlyList<TRow> rows, Action<IAnsiConsole, bool> writeTables)
    {
        if (format == OutputFormat.Csv)
        {
            Write(rows, writeTables);
        }
        else
        {
            Write(wholes, writeTables);
        }
    }

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

    private void WriteTo<T>(IReadOnlyList<T> records, Action<IAnsiConsole, bool> writeTable)
    {
        switch (format)
        {
            case OutputFormat.JsonLines:
                Records.WriteJsonLines(file.Writer, records);
                break;
            case OutputFormat.Json:
                Records.WriteJsonArray(file.Writer, records);
                break;
            case OutputFormat.Csv:
                Records.WriteCsv(file.Writer, records);
                break;
            default:
                bool isMarkdown = format == OutputFormat.Markdown;
                writeTable(context.ConsoleFor(file.Writer, isMarkdown), isMarkdown);
                break;
        }
    }
}
