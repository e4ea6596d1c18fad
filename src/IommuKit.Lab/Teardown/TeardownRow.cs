using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Teardown;

/// <summary>What one teardown took.</summary>
/// <param name="Iommu">The IOMMU.</param>
/// <param name="Policy">The policy.</param>
/// <param name="PageBytes">Bytes of a page.</param>
/// <param name="Way">How it was done.</param>
/// <param name="Size">Bytes that were mapped.</param>
/// <param name="Windows">How many windows it was done in, as all tables at once would have taken too much memory.</param>
/// <param name="Counts">What the driver did to the hardware, with the flush that ended it.</param>
/// <param name="VirtualMicroseconds">Virtual time: the counts by their costs.</param>
/// <param name="HostNanoseconds">Time of this computer: driver, page tables and the model of the hardware together.</param>
public sealed record TeardownRow(
    string Iommu,
    SyncPolicy Policy,
    ulong PageBytes,
    TeardownWay Way,
    ulong Size,
    int Windows,
    OperationCounts Counts,
    double VirtualMicroseconds,
    double HostNanoseconds)
{
    /// <summary>The name of the costs.</summary>
    public required string Costs { get; init; }

    /// <summary>Kinds of operations among the counts that the costs say nothing of, so that they took no time.</summary>
    public IReadOnlyList<OperationKind> Unpriced { get; init; } = [];

    /// <summary>How many pages there were.</summary>
    public ulong Pages => Size / PageBytes;
}
