namespace IommuKit.Linux.Bench;

/// <summary>In how many calls of the kernel something is done.</summary>
internal enum BenchCalls
{
    /// <summary>In one.</summary>
    One,

    /// <summary>In one for each page.</summary>
    EachPage,
}
