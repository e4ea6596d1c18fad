using IommuKit.Checker.Rigs;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>What accesses come from.</summary>
/// <param name="SourceId">The device.</param>
/// <param name="Pasid">Its PASID; <see cref="IommuDomain.NoPasid"/> for what it sends without one.</param>
internal readonly record struct VtdSource(ushort SourceId, int Pasid = IommuDomain.NoPasid)
{
    /// <summary>The number of its entry: of what comes without a PASID 0 (RID_PASID).</summary>
    public int Entry => Pasid == IommuDomain.NoPasid ? 0 : Pasid;

    /// <summary>The source of a device that is looked at.</summary>
    public static VtdSource Of(IMachineRig rig, int device) => Of(rig.Devices[device], rig.Pasids, device);

    /// <summary>The source of a device with a number, where PASIDs may be looked at.</summary>
    public static VtdSource Of(IommuDevice device, IReadOnlyList<int>? pasids, int number) =>
        new(((VtdDevice)device).SourceId, pasids?[number] ?? IommuDomain.NoPasid);
}
