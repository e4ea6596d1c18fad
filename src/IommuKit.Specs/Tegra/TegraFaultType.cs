namespace IommuKit.Specs.Tegra;

/// <summary>Values of the type field of MC_ERR_STATUS.</summary>
public enum TegraFaultType
{
    /// <summary>DECERR_EMEM: no memory at the address.</summary>
    DecodeError = 2,

    /// <summary>SECURITY_TRUSTZONE.</summary>
    TrustZone = 3,

    /// <summary>SECURITY_CARVEOUT.</summary>
    Carveout = 4,

    /// <summary>INVALID_SMMU_PAGE: the walk found no right to do this.</summary>
    InvalidSmmuPage = 6,
}
