using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Bench;

/// <summary>What a bench runs.</summary>
public sealed record BenchOptions
{
    /// <summary>The sizes of the proposal: 128K, 4M and ~18M.</summary>
    public static IReadOnlyList<ulong> SeedSizes { get; } = [128 << 10, 4 << 20, 18 << 20];

    /// <summary>Kinds of machine.</summary>
    public required IReadOnlyList<IommuKind> Machines { get; init; }

    /// <summary>Policies.</summary>
    public IReadOnlyList<SyncPolicy> Policies { get; init; } = Enum.GetValues<SyncPolicy>();

    /// <summary>Bytes to map and unmap.</summary>
    public IReadOnlyList<ulong> Sizes { get; init; } = SeedSizes;

    /// <summary>How the physical pages lie.</summary>
    public BenchLayout Layout { get; init; } = BenchLayout.Scattered;

    /// <summary>Whether page tables are there.</summary>
    public BenchTables Tables { get; init; } = BenchTables.Existing;

    /// <summary>From how many pages on a flush of everything replaces ranges; 0 means never.</summary>
    public int FlushAllPages { get; init; }

    /// <summary>How the machines are to be.</summary>
    public MachineSettings Settings { get; init; } = new();

    /// <summary>What the operations cost; null takes the costs of each IOMMU.</summary>
    public CostVector? Costs { get; init; }

    /// <summary>
    /// Finds the least maintenance that an operation on a machine needs, or null if that is not known; its <see cref="BenchRow.Bound"/>.
    /// </summary>
    public Func<IommuKind, MappingOperation, ulong, OperationCounts?>? Least { get; init; }
}
