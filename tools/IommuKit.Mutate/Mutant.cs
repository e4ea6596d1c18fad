using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace IommuKit.Mutate;

/// <summary>One change of one line.</summary>
/// <param name="Tree">The file.</param>
/// <param name="Span">What is replaced.</param>
/// <param name="Replacement">By what.</param>
/// <param name="Kind">What kind of change it is, in a word or two.</param>
internal sealed record Mutant(SyntaxTree Tree, TextSpan Span, string Replacement, string Kind)
{
    private const int MostShown = 60;

    /// <summary>The line as it is, without blanks at its ends: with file and change it names the mutant wherever the line moves.</summary>
    public string Line => Tree.GetText().Lines.GetLineFromPosition(Span.Start).ToString().Trim();

    /// <summary>The file's path.</summary>
    public string Path => Tree.FilePath;

    /// <summary>What is done, as text on one line.</summary>
    public string Change => $"{Kind}: {Short(Tree.GetText().ToString(Span))} -> {Short(Replacement)}";

    /// <summary>The file with the change.</summary>
    public SyntaxTree Apply() => Tree.WithChangedText(Tree.GetText().WithChanges(new TextChange(Span, Replacement)));

    /// <summary>Where it is, from 1.</summary>
    public int LineNumber => Tree.GetText().Lines.GetLineFromPosition(Span.Start).LineNumber + 1;

    private static string Short(string text)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? "nothing" : line.Length <= MostShown ? line : $"{line[..MostShown]}...";
    }
}
