namespace IommuKit.Lab.PageTables.Bench;

/// <summary>What was measured.</summary>
public enum BenchLevel
{
    /// <summary>The page table alone, with a sink that counts.</summary>
    Engine,

    /// <summary>A domain of a software IOMMU: checks, policy, engine and the call of a listener.</summary>
    Domain,
}
