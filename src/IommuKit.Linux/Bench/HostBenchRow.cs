namespace IommuKit.Linux.Bench;

/// <summary>What an operation took.</summary>
/// <param name="Size">Bytes that it was done to.</param>
/// <param name="Granule">Bytes of one call.</param>
/// <param name="Pages">What the memory is made of.</param>
/// <param name="Calls">In how many calls.</param>
/// <param name="Operation">What was done.</param>
/// <param name="Latencies">How long all calls together took.</param>
internal sealed record HostBenchRow(
    ulong Size, ulong Granule, BenchPages Pages, BenchCalls Calls, BenchOperation Operation, Latencies Latencies);
