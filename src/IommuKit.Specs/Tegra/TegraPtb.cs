namespace IommuKit.Specs.Tegra;

/// <summary>A value of MC_SMMU_PTB_DATA: the root of one address space.</summary>
public static class TegraPtb
{
    /// <summary>A root that lets the lower levels decide all rights, as Linux writes it.</summary>
    public static uint Root(ulong directory) => TegraEntry.RightsMask | TegraEntry.Frame(directory);
}
