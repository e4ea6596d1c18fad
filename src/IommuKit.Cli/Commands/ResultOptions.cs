using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say how and where results are written.</summary>
internal sealed class ResultOptions
{
    private readonly Option<bool> _json = new("--json") { Description = "Write JSON (schema: docs/json.md)." };
    private readonly Option<bool> _jsonLines = new("--jsonl")
    {
        Description = "Write JSON lines: one object on each, with the same fields as --json.",
    };

    private readonly Option<bool> _csv = new("--csv") { Description = "Write CSV, with the same fields as JSON." };
    private readonly Option<bool> _markdown = new("--markdown") { Description = "Write Markdown tables." };
    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "Write to this file instead of the standard output, when everything is done. "
            + "Its name says how, unless an option does: .json, .jsonl, .csv, .md.",
        HelpName = "FILE",
    };

    /// <summary>The options.</summary>
    public IReadOnlyList<Option> Options => [_json, _jsonLines, _csv, _markdown, _output];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in Options)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Does some work with where its results go, in the format that was asked for.</summary>
    /// <param name="parsed">What the user typed.</param>
    /// <param name="context">Where a command writes.</param>
    /// <param name="inputs">The files that the work reads; the results must not replace one.</param>
    /// <param name="work">The work.</param>
    /// <param name="other">Another file that the work writes, if it does; the results must not go there too.</param>
    /// <param name="endsOnInterrupt">Whether SIGINT ends the process at once; if not, the work sees to it.</param>
    public int Collect(
        ParseResult parsed, CommandContext context, IEnumerable<string> inputs, Action<Results> work, ResultFile? other = null, bool endsOnInterrupt = true)
    {
        var format = FormatIn(parsed);
        using var file = ResultFile.Open(parsed.GetValue(_output), context.Output, inputs, endsOnInterrupt: endsOnInterrupt);
        file.RefuseSameAs(other);
        work(new Results(context, file, format));
        return ExitCode.Success;
    }

    private OutputFormat FormatIn(ParseResult parsed)
    {
        OutputFormat[] chosen =
        [
            .. parsed.GetValue(_json) ? [OutputFormat.Json] : Array.Empty<OutputFormat>(),
            .. parsed.GetValue(_jsonLines) ? [OutputFormat.JsonLines] : Array.Empty<OutputFormat>(),
            .. parsed.GetValue(_csv) ? [OutputFormat.Csv] : Array.Empty<OutputFormat>(),
            .. parsed.GetValue(_markdown) ? [OutputFormat.Markdown] : Array.Empty<OutputFormat>(),
        ];
        return chosen.Length switch
        {
            0 => FormatOf(parsed.GetValue(_output)),
            1 => chosen[0],
            _ => throw new InputException("--json, --jsonl, --csv and --markdown exclude each other"),
        };
    }

    private const string Forms = "here names end with .json, .jsonl, .csv or .md, or with .txt for what the screen shows";

    /// <summary>The format that the name of a file stands for.</summary>
    private static OutputFormat FormatOf(string? file) => Path.GetExtension(file)?.ToUpperInvariant() switch
    {
        ".JSON" => OutputFormat.Json,
        ".JSONL" => OutputFormat.JsonLines,
        ".CSV" => OutputFormat.Csv,
        ".MD" => OutputFormat.Markdown,
        ".HTML" or ".HTM" => throw new InputException($"--output: '{file}' would be a page, which 'iommukit report' writes; {Forms}"),
        null or "" or ".TXT" or ".TEXT" or ".LOG" or ".OUT" => OutputFormat.Table,
        _ => throw new InputException($"--output: no such form: '{file}'; {Forms}"),
    };
}
