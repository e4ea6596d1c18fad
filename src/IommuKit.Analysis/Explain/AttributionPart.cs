using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>A part of a gain.</summary>
/// <param name="Name">What it is due to.</param>
/// <param name="Saved">Operations saved, by <see cref="OperationKind"/>; fractions where several causes save the same one.</param>
/// <param name="Us">Microseconds saved, by the best costs.</param>
/// <param name="Share">The part of the whole gain.</param>
/// <param name="Interval">Its 90 % interval; null if nothing is known about how well the costs are known.</param>
public sealed record AttributionPart(string Name, IReadOnlyList<double> Saved, double Us, double Share, Interval90? Interval);
