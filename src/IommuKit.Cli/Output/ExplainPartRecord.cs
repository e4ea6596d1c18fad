using IommuKit.Analysis.Explain;

namespace IommuKit.Cli.Output;

/// <summary>A part of a gain as <c>iommukit explain</c> writes it to JSON and CSV. docs/json.md describes the fields.</summary>
internal sealed class ExplainPartRecord(ExplainView view, Attribution attribution, string split, AttributionPart part)
{
    public string Iommu => view.Kind.Name;

    public string From => view.From.ToString();

    public string To => view.To.ToString();

    public string Work => attribution.Workload.Name;

    public string? Op => attribution.Workload.Operation is { } operation ? Names.Of(operation) : null;

    public double FromUs => Math.Round(attribution.FromUs, 3);

    public double ToUs => Math.Round(attribution.ToUs, 3);

    public string Split => split;

    public string Part => part.Name;

    public double? Us => attribution.IsUnique ? Math.Round(part.Us, 3) : null;

    public double? Share => attribution is { IsUnique: true, IsDifferent: true } ? Math.Round(part.Share, 4) : null;

    public double? ShareLow => attribution.IsDifferent && part.Interval is { } interval ? Math.Round(interval.Low, 4) : null;

    public double? ShareHigh => attribution.IsDifferent && part.Interval is { } interval ? Math.Round(interval.High, 4) : null;

    /// <summary>Every part of every gain.</summary>
    public static IReadOnlyList<ExplainPartRecord> Of(ExplainView view) =>
    [
        .. view.Explanation.Attributions.SelectMany(attribution => (ExplainPartRecord[])
        [
            .. attribution.ByCause.Select(part => new ExplainPartRecord(view, attribution, "cause", part)),
            .. attribution.ByOperation.Select(part => new ExplainPartRecord(view, attribution, "operation", part)),
            new ExplainPartRecord(view, attribution, "reply", attribution.Registers),
            new ExplainPartRecord(view, attribution, "reply", attribution.DmaSync),
        ]),
    ];
}
