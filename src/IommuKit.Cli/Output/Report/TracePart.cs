using IommuKit.Analysis.Report;

namespace IommuKit.Cli.Output.Report;

/// <summary>What a page tells of a trace, under one heading.</summary>
/// <param name="Id">Its name in links, if it is a section of its own.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Write">Writes what is below the heading.</param>
internal sealed record TracePart(string Id, string Title, Action<ReportBody> Write);
