namespace IommuKit.Specs.Tegra;

/// <summary>The register of the AHB arbiter that completes the initialisation of the SMMU on Tegra30 and Tegra114.</summary>
public static class TegraAhb
{
    /// <summary>AHB_ARBITRATION_XBAR_CTRL.</summary>
    public const uint XbarControl = 0xe0;

    /// <summary>SMMU_INIT_DONE: devices on the AHB may use the SMMU.</summary>
    public const uint SmmuInitDone = 1u << 17;
}
