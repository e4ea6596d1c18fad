using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Traces;

namespace IommuKit.Cli.HostTime;

/// <summary>What one operation costs on this host: the time of our own code, with hardware that does nothing.</summary>
/// <param name="Iommu">The machine whose driver ran.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Operation">What was done.</param>
/// <param name="Size">Bytes.</param>
/// <param name="MedianNanoseconds">Median of the samples.</param>
/// <param name="MinNanoseconds">The least sample.</param>
/// <param name="P90Nanoseconds">The sample that nine in ten do not exceed.</param>
/// <param name="Samples">How many samples there are, each of several operations.</param>
/// <param name="BytesAllocated">Managed memory that one operation allocates.</param>
internal sealed record HostTimeRow(
    string Iommu,
    SyncPolicy Policy,
    MappingOperation Operation,
    ulong Size,
    double MedianNanoseconds,
    double MinNanoseconds,
    double P90Nanoseconds,
    int Samples,
    double BytesAllocated)
{
    /// <summary>Whether the runtime had finished compiling what was timed. If not, the times may be several times too long.</summary>
    public bool IsCodeFinal { get; init; } = true;

    /// <summary>Pages of 4 KiB in the range.</summary>
    public ulong Pages => Size / SmallPage.Bytes;
}
