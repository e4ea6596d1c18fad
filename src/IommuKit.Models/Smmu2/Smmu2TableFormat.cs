namespace IommuKit.Models.Smmu2;

/// <summary>What the tables of a bank are like. The values are those of FSR.FORMAT.</summary>
internal enum Smmu2TableFormat
{
    /// <summary>32-bit descriptors, two levels.</summary>
    Short,

    /// <summary>64-bit descriptors, addresses of AArch32.</summary>
    Long,

    /// <summary>64-bit descriptors, addresses of AArch64.</summary>
    Aarch64,
}
