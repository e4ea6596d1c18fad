namespace IommuKit.Analysis.Report;

/// <summary>Something that was found.</summary>
/// <param name="Severity">How bad it is, in a word or two.</param>
/// <param name="Tone">The same for the eye.</param>
/// <param name="Title">What it is.</param>
/// <param name="Figures">How often, and where it is first seen.</param>
/// <param name="Share">Of all, 0 to 1; null if there is no whole.</param>
/// <param name="ShareOf">What the whole is.</param>
/// <param name="Text">Sentences about it.</param>
/// <param name="Excerpt">What the trace has there; null if nothing.</param>
public sealed record ReportFinding(
    string Severity,
    ReportTone Tone,
    string Title,
    string Figures,
    double? Share,
    string ShareOf,
    IReadOnlyList<string> Text,
    ReportTable? Excerpt)
{
    /// <summary>Whether the excerpt is to be seen at first.</summary>
    public bool IsOpen { get; init; }
}
