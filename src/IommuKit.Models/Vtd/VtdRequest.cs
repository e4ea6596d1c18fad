using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <summary>A request of a device as it arrives at a VT-d unit.</summary>
/// <param name="Source">Bus, device and function.</param>
/// <param name="Address">The address.</param>
/// <param name="Access">What it does. An atomic operation reads and writes.</param>
/// <param name="Pasid">The PASID, or -1 for a request without one.</param>
/// <param name="AddressType">What the device says of the address.</param>
public readonly record struct VtdRequest(
    ushort Source,
    ulong Address,
    VtdAccess Access,
    int Pasid = VtdRequest.NoPasid,
    VtdAddressType AddressType = VtdAddressType.Untranslated)
{
    /// <summary>The PASID of a request without one.</summary>
    public const int NoPasid = -1;

    /// <summary>Whether it carries a PASID.</summary>
    public bool HasPasid => Pasid >= 0;

    /// <summary>Whether it writes.</summary>
    public bool IsWrite => (Access & VtdAccess.Write) != 0;
}
