using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Lab.Bench;

/// <summary>One operation under one policy on one machine.</summary>
/// <param name="Iommu">The machine.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Operation">What was done.</param>
/// <param name="Size">Bytes.</param>
/// <param name="PaperBefore">The proposal's measurements with a flush for every page; null where it has none.</param>
/// <param name="PaperAfter">The proposal's measurements with one flush for the range; null where it has none.</param>
/// <param name="VirtualMicroseconds">Virtual time.</param>
/// <param name="Counts">The operations.</param>
/// <param name="Bound">The least that would have sufficed; null if that is not known.</param>
/// <param name="Caches">What the model's caches did when a device then read every page once.</param>
public sealed record BenchRow(
    string Iommu,
    SyncPolicy Policy,
    MappingOperation Operation,
    ulong Size,
    SampleSummary? PaperBefore,
    SampleSummary? PaperAfter,
    double VirtualMicroseconds,
    OperationCounts Counts,
    OperationCounts? Bound,
    CacheCounts Caches)
{
    /// <summary>The name of the costs.</summary>
    public required string Costs { get; init; }

    /// <summary>Kinds of operations among the counts that the costs say nothing of, so that they took no time.</summary>
    public IReadOnlyList<OperationKind> Unpriced { get; init; } = [];

    /// <summary>Pages of 4 KiB that a device could still reach when the operation returned, before the flush that follows it.</summary>
    public long ReachablePages { get; init; }

    /// <summary>Pages of 4 KiB in the range.</summary>
    public ulong Pages => Size / SmallPage.Bytes;

    /// <summary>
    /// What the proposal measured of this policy: a flush for every page is its before, one for the range its after. It measured no other policy.
    /// </summary>
    public SampleSummary? Paper => Policy switch
    {
        SyncPolicy.PerPage => PaperBefore,
        SyncPolicy.RangeFlush => PaperAfter,
        _ => null,
    };

    /// <summary>Whether it took fewer operations than the bound, which only works by dropping from a cache what others have there.</summary>
    public bool DropsOthers => Counts.Maintenance < Bound?.Maintenance;
}
