using IommuKit.Lab.Audit;
using IommuKit.Lab.Explain;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output.Report;

/// <summary>What was found out about a trace.</summary>
/// <param name="File">The file, as the user named it.</param>
/// <param name="Replays">Its replay under each policy.</param>
/// <param name="Attribution">What the gain on it is due to; null if nothing of it could be replayed.</param>
/// <param name="Audit">What it shows of its own invalidations.</param>
internal sealed record TraceRun(string File, IReadOnlyList<ReplayResult> Replays, Attribution? Attribution, AuditResult Audit);
