namespace IommuKit.Drivers.Smmu2;

/// <summary>What the page tables of a driver's domains are like.</summary>
public enum Smmu2TableFormat
{
    /// <summary>Those of AArch64 if there are such, otherwise long ones of AArch32.</summary>
    Any,

    /// <summary>64-bit descriptors, addresses of AArch64.</summary>
    Aarch64,

    /// <summary>64-bit descriptors with a granule of 4 KiB, addresses of AArch32: 32 bits at stage 1, 40 at stage 2.</summary>
    LongDescriptors,

    /// <summary>32-bit descriptors, of VMSAv7, at stage 1.</summary>
    ShortDescriptors,
}
