namespace IommuKit.Analysis.Report;

/// <summary>A part of a report.</summary>
/// <param name="Id">Its name in links.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Write">Writes what is below the heading.</param>
public sealed record ReportSection(string Id, string Title, Action<ReportBody> Write);
