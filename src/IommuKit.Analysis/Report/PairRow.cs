namespace IommuKit.Analysis.Report;

/// <summary>A row of a chart of pairs: how something was, and how it is.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Text">The values in words.</param>
/// <param name="Factor">How many times the one is the other, in words; empty if nothing is to be said.</param>
/// <param name="Before">How it was; null if that was not measured.</param>
/// <param name="After">How it is; null if that was not measured.</param>
/// <param name="BeforeSamples">What was measured before.</param>
/// <param name="AfterSamples">What was measured after.</param>
/// <param name="ModelBefore">What is compared with it.</param>
/// <param name="ModelAfter">What is compared with that.</param>
public sealed record PairRow(
    string Label,
    string Text,
    string Factor,
    double? Before,
    double? After,
    IReadOnlyList<double> BeforeSamples,
    IReadOnlyList<double> AfterSamples,
    double ModelBefore,
    double ModelAfter);
