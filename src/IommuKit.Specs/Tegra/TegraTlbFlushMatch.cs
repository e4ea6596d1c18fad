namespace IommuKit.Specs.Tegra;

/// <summary>What a write to MC_SMMU_TLB_FLUSH matches by address.</summary>
public enum TegraTlbFlushMatch
{
    /// <summary>Every address.</summary>
    All = 0,

    /// <summary>One 4 MiB section.</summary>
    Section = 2,

    /// <summary>One TLB group.</summary>
    Group = 3,
}
