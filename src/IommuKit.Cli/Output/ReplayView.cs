namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit replay</c> shows of its results.</summary>
internal enum ReplayView
{
    /// <summary>A table of policies for each IOMMU.</summary>
    Policies,

    /// <summary>One table of all cases for each file.</summary>
    WhatIf,

    /// <summary>Latencies by size.</summary>
    Sizes,

    /// <summary>What happened in each interval of time.</summary>
    Series,
}
