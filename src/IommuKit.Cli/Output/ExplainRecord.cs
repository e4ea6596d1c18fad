
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
        [.. Lab.Explain.Conclusions.Of(view.Explanation), .. UndirectedFlushText.Of(view.Kind, view.Explanation)];

    public long? MapEvents => view.Replay?.Trace.Maps;

    public long? UnmapEvents => view.Replay?.Trace.Unmaps;

    public long? LostEvents => view.Replay?.Trace.Lost;

    public long? Skipped => view.Replay?.SkippedCount;

    public IReadOnlyList<SkippedRecord>? SkippedReasons => view.Replay is { } replay ? Skips.Records(replay.Skipped) : null;
}
