namespace IommuKit.Cli.HostTime;

/// <summary>What was measured.</summary>
internal enum BenchLevel
{
    /// <summary>The page table alone, with a sink that counts.</summary>
    Engine,

    /// <summary>A domain of a software IOMMU: checks, policy, engine and the call of a listener.</summary>
    Domain,
}
