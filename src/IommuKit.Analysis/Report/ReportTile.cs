namespace IommuKit.Analysis.Report;

/// <summary>A number that is to be seen from afar.</summary>
/// <param name="Label">What it is of.</param>
/// <param name="Value">The number, or a word or two.</param>
/// <param name="Text">What it means.</param>
/// <param name="Tone">How it is to be taken.</param>
/// <param name="IsWide">Whether it takes a line of its own.</param>
public sealed record ReportTile(string Label, string Value, string Text, ReportTone Tone, bool IsWide = false);
