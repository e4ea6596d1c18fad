using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Bench;

/// <summary>What the kernel of a machine takes to map and unmap.</summary>
/// <param name="Device">The device whose IOMMU it was.</param>
/// <param name="BackEnd">The way: <see cref="HostBackEnd.LegacyOnly"/> is VFIO type 1.</param>
/// <param name="Rows">What was measured.</param>
internal sealed record HostBenchResult(string Device, HostBackEnd BackEnd, IReadOnlyList<HostBenchRow> Rows)
{
    /// <summary>What could not be measured, and what would let it be: one sentence each.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>The row of something; null if it was not measured.</summary>
    public HostBenchRow? Find(ulong size, BenchPages pages, BenchCalls calls, BenchOperation operation) =>
        Rows.FirstOrDefault(row => row.Size == size && row.Pages == pages && row.Calls == calls && row.Operation == operation);
}
