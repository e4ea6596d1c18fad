namespace IommuKit.Linux.Vfio;

/// <summary>A page that a device waits for (a page request of PCI, or a stall on Arm).</summary>
/// <param name="Device">Which device; null if it is none of the host's any more.</param>
/// <param name="Pasid">For which of its address spaces; <see cref="Domains.IommuDomain.NoPasid"/> if it names none.</param>
/// <param name="Group">The number of the group that the request is of: the device waits for all pages of one group together.</param>
/// <param name="IsLast">Whether its group has no more. Then the group is answered, once.</param>
/// <param name="Access">What the device wants to do.</param>
/// <param name="Iova">The IOVA of the page.</param>
/// <param name="Length">How many bytes the device would like to have mapped from there on, a hint; 0 if it did not say.</param>
/// <param name="Cookie">What the kernel knows the group by.</param>
public readonly record struct HostFault(
    VfioDevice? Device, int Pasid, uint Group, bool IsLast, HostFaultAccess Access, ulong Iova, uint Length, uint Cookie);
