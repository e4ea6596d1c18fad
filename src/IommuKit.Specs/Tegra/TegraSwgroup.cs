namespace IommuKit.Specs.Tegra;

/// <summary>A software group: the memory clients of one engine, which share one register that selects their address space.</summary>
/// <param name="Name">The field's short name, for example <c>sdmmc1a</c>.</param>
/// <param name="Id">The id by which device trees name the group.</param>
/// <param name="AsidRegister">Offset of its SMMU_*_ASID register in the memory controller.</param>
/// <param name="IommuGroup">Groups with the same value here cannot be isolated from each other; null if alone.</param>
public sealed record TegraSwgroup(string Name, int Id, uint AsidRegister, string? IommuGroup = null);
