using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>A sentence of a section, or a row of a table.</summary>
/// <param name="Text">What it says. One that starts with a blank is a row of a table and does not wrap.</param>
/// <param name="Style">How; null for plain.</param>
/// <param name="Weight">Whether it can go where the terminal is too short for all.</param>
internal readonly record struct SectionLine(string Text, Style? Style = null, LineWeight Weight = LineWeight.Answer)
{
    /// <summary>In Markdown, the cells of a row of a table, whose first row is its heading; null if it is a sentence there too.</summary>
    public IReadOnlyList<string>? Cells { get; init; }
}
