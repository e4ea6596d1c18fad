namespace IommuKit.Specs.Smmu2;

/// <summary>Which version of the architecture an SMMU follows. No register says it; firmware does.</summary>
public enum Smmu2Version
{
    /// <summary>
    /// SMMUv1 (MMU-400, MMU-401): tables of AArch32 only, no invalidation of leaves alone, and none by IPA.
    /// </summary>
    V1,

    /// <summary>SMMUv2 (MMU-500): tables of AArch64 besides, and invalidations of leaves and by IPA.</summary>
    V2,
}
