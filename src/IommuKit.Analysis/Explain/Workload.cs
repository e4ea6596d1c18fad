using IommuKit.Lab;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>What some work takes with every combination of causes.</summary>
/// <param name="Name">The work.</param>
/// <param name="Size">Bytes, or 0 if it is not one operation of a size.</param>
/// <param name="Operation">The operation; null if it is both.</param>
/// <param name="Counts">For each combination of <see cref="Causes"/>, by its number: operations by <see cref="OperationKind"/>.</param>
public sealed record Workload(string Name, ulong Size, MappingOperation? Operation, IReadOnlyList<double[]> Counts)
{
    /// <summary>Combinations of causes.</summary>
    public const int Combinations = (int)Causes.All + 1;

    /// <summary>What the reads are called that wait for the hardware, as <see cref="IommuKind.Waits"/> has it.</summary>
    public string Waits { get; init; } = IommuKind.ReadBacks;

    /// <summary>Operations with one combination.</summary>
    public double[] With(Causes on) => Counts[(int)on];

    /// <summary>Whether an operation of a kind happens at all.</summary>
    public bool Has(OperationKind kind) => Counts.Any(counts => counts[(int)kind] != 0);
}
