
namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit explain --json</c> writes. docs/json.md describes the fields.</summary>
internal sealed class ExplainRecord(ExplainView view)
{
    public string Costs => view.Explanation.Costs.Description;

    public string? Prior => view.Explanation.Calibration?.Prior.Source?.Name;

    public int? Resamples => view.Explanation.Calibration?.Options.Resamples;

    public int? Seed => view.Explanation.Calibration?.Options.Seed;

    public IReadOnlyList<ExplainPartRecord> Parts => ExplainPartRecord.Of(view);

    public double? Uncertainty => view.Explanation.Calibration is null ? null : Math.Round(view.Explanation.Uncertainty, 4);

    public double? UncertaintyWithOtherPrior => view.Explanation.Calibration is null ? null : Math.Round(view.Explanation.OtherUncertainty, 4);

    public IReadOnlyList<NextMeasurementRecord> NextMeasurements => [.. view.Explanation.Next.Select(next => new NextMeasurementRecord(next))];

    public IReadOnlyList<string> Conclusions =>
        [.. Analysis.Explain.Conclusions.Of(view.Explanation), .. UndirectedFlushText.Of(view.Kind, view.Explanation)];

    public long? MapEvents => view.Replay?.Trace.Maps;

    public long? UnmapEvents => view.Replay?.Trace.Unmaps;

    public long? LostEvents => view.Replay?.Trace.Lost;

    public long? Skipped => view.Replay?.SkippedCount;

    public string CostsName => view.Explanation.Costs.Name;

    public string? Fit => view.Fit;

    public double? Coverage => view.Replay?.Coverage is { } share ? Math.Round(share, 6) : null;

    public string? RecordedOn => view.Replay?.Trace.RecordedOn;

    public IReadOnlyList<string> Answer => [.. new ExplainAnswer(view).Lines().Select(line => line.Trim())];

    public IReadOnlyList<ShareRecord>? WithOtherPrior => view.Explanation.OtherHeadline is { IsSure: true } other
        ? [.. new[] { other.Registers, other.DmaSync }.Select(part => new ShareRecord(other, part))]
        : null;

    public IReadOnlyList<SkippedRecord>? SkippedReasons => view.Replay is { } replay ? Skips.Records(replay.Skipped) : null;
}
