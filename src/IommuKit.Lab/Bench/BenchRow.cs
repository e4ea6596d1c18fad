using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;

namespace IommuKit.Lab.Bench;

/// <summary>One operation under one policy on one machine.</summary>
/// <param name="Iommu">The machine.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Operation">map or unmap.</param>
/// <param name="Size">Bytes.</param>
/// <param name="PaperBefore">The proposal's measurements with a flush for every page; null where it has none.</param>
/// <param name="PaperAfter">The proposal's measurements with one flush for the range; null where it has none.</param>
/// <param name="VirtualMicroseconds">Virtual time.</param>
/// <param name="Counts">The operations.</param>
/// <param name="Bound">The least that would have sufficed.</param>
/// <param name="Caches">What the model's caches did when a device then read every page once.</param>
public sealed record BenchRow(
    string Iommu,
    SyncPolicy Policy,
    string Operation,
    ulong Size,
    SampleSummary? PaperBefore,
    SampleSummary? PaperAfter,
    double VirtualMicroseconds,
    OperationCounts Counts,
    LeastMaintenance Bound,
    CacheCounts Caches)
{
    /// <summary>Pages of 4 KiB in the range.</summary>
    public ulong Pages => Size >> 12;

    /// <summary>The measurements that the policy is compared with: before for a flush per page, after for all others.</summary>
    public SampleSummary? Paper => Policy == SyncPolicy.PerPage ? PaperBefore : PaperAfter;
}
