using IommuKit.Analysis.Explain;

namespace IommuKit.Cli.Output;

/// <summary>What could be measured next, as <c>iommukit explain --json</c> writes it.</summary>
internal sealed class NextMeasurementRecord(CandidateMeasurement candidate)
{
    public string Measurement => candidate.Name;

    public double Uncertainty => Math.Round(candidate.Uncertainty, 4);
}
