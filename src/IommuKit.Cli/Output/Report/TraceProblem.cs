using IommuKit.Analysis.Report;

namespace IommuKit.Cli.Output.Report;

/// <summary>Something that is wrong in a trace, or may be.</summary>
/// <param name="Short">What, in a few words.</param>
/// <param name="Tone">Bad if it is; doubtful if it may be.</param>
internal sealed record TraceProblem(string Short, ReportTone Tone);
