namespace IommuKit.Linux.Bench;

/// <summary>What is measured.</summary>
internal sealed record HostBenchOptions
{
    /// <summary>Bytes to map and unmap; multiples of the smallest page. The proposal's of 2015.</summary>
    public IReadOnlyList<ulong> Sizes { get; init; } = [128 << 10, 4 << 20, 18 << 20];

    /// <summary>How long to go on with each size.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(2);
}
