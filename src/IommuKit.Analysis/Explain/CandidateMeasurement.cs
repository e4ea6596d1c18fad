using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>Something that could be timed on a board.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Counts">Its operations, by <see cref="OperationKind"/>.</param>
/// <param name="Uncertainty">
/// The widths of the four causes' intervals added up, as they would be with four times of it that come out as the fit expects.
/// </param>
public sealed record CandidateMeasurement(string Name, IReadOnlyList<double> Counts, double Uncertainty);
