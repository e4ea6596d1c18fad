using IommuKit.Analysis.Explain;
using IommuKit.Analysis.Verdict;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output.Report;

/// <summary>What was found out about a trace.</summary>
/// <param name="File">The file, as the user named it.</param>
/// <param name="Label">A short name that no other trace of the report has.</param>
/// <param name="Verdict">What it says about its own flushes.</param>
/// <param name="Excerpts">What it has around the first line of each finding.</param>
/// <param name="Replays">Its replay under each policy.</param>
/// <param name="Attribution">What the gain on it is due to; null if nothing of it could be replayed.</param>
internal sealed record TraceRun(
    string File,
    string Label,
    VerdictResult Verdict,
    IReadOnlyDictionary<long, IReadOnlyList<ExcerptLine>> Excerpts,
    IReadOnlyList<ReplayResult> Replays,
    Attribution? Attribution);
