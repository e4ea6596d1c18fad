namespace IommuKit.Analysis.Report;

/// <summary>A column of a table.</summary>
/// <param name="Header">What it holds.</param>
/// <param name="IsNumber">Whether it holds numbers, which stand below each other at their right.</param>
public sealed record ReportColumn(string Header, bool IsNumber = true);
