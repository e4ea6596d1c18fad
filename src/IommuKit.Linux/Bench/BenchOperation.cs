namespace IommuKit.Linux.Bench;

/// <summary>What is timed.</summary>
internal enum BenchOperation
{
    /// <summary>Memory is pinned, and mapped for the device.</summary>
    Map,

    /// <summary>It is unmapped, flushed and released.</summary>
    Unmap,

    /// <summary>It is pinned, and nothing else.</summary>
    Pin,
}
