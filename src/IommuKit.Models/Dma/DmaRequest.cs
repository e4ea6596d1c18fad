namespace IommuKit.Models.Dma;

/// <summary>A memory transaction of a device, as it arrives at an IOMMU.</summary>
/// <param name="Source">The id that the hardware sees: stream id, requester id, or memory client.</param>
/// <param name="Iova">The address that the device uses.</param>
/// <param name="IsWrite">Whether it writes.</param>
/// <param name="IsSecure">Whether it is a secure transaction, on hardware that has such.</param>
/// <param name="IsPrivileged">Whether it is a privileged transaction, on hardware that has such.</param>
public readonly record struct DmaRequest(int Source, ulong Iova, bool IsWrite, bool IsSecure = false, bool IsPrivileged = false);
