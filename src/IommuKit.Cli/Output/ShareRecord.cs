using IommuKit.Analysis.Explain;

namespace IommuKit.Cli.Output;

/// <summary>A share of the gain as <c>iommukit explain --json</c> writes it. docs/json.md describes the fields.</summary>
internal sealed class ShareRecord(Attribution attribution, AttributionPart part)
{
    public string Part => part.Name;

    public double? Share => attribution is { IsUnique: true, IsDifferent: true } ? Math.Round(part.Share, 4) : null;

    public double? ShareLow => part.Interval is { } interval ? Math.Round(interval.Low, 4) : null;

    public double? ShareHigh => part.Interval is { } interval ? Math.Round(interval.High, 4) : null;
}
