using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>The way from devices to a unit: through the TLB of a device that has one, or straight on.</summary>
internal sealed class VtdPorts : IIommuModel
{
    private readonly VtdModel<SnoopedMemory> _unit;
    private readonly Dictionary<int, (VtdDevice Device, VtdDeviceTlb<SnoopedMemory> Tlb)> _tlbs;

    /// <summary>Gives devices TLBs.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="devices">The devices that have one.</param>
    /// <param name="askAgain">Whether they ask at once again for what they are told to drop.</param>
    public VtdPorts(VtdModel<SnoopedMemory> unit, IEnumerable<VtdDevice> devices, bool askAgain)
    {
        _unit = unit;
        _tlbs = devices.ToDictionary(
            device => (int)device.SourceId,
            device => (device, new VtdDeviceTlb<SnoopedMemory>(unit, device.SourceId) { AsksAgain = askAgain }));
        unit.DeviceTlbInvalidated = Drop;
    }

    public AccessGate Accesses => _unit.Accesses;

    public Translation Translate(in DmaRequest request) => TlbOf(request.Source) is { } tlb ? tlb.Translate(request) : _unit.Translate(request);

    /// <summary>Translates an access of a PASID.</summary>
    public Translation Translate(in VtdRequest request) =>
        (TlbOf(request.Source) is { } tlb ? tlb.Translate(request.Address, request.Access, request.Pasid) : _unit.Translate(request)).Range;

    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => _unit.ReportDecodeError(request, physicalAddress);

    /// <summary>Lets devices forget everything.</summary>
    public void Evict()
    {
        foreach (var (_, tlb) in _tlbs.Values)
        {
            tlb.Evict();
        }
    }

    private bool Drop(VtdDeviceTlbInvalidation invalidation) =>
        !_tlbs.TryGetValue(invalidation.Source, out var one) || one.Tlb.TryDrop(invalidation);

    // Who passes a device through has ATS off in it: the unit answers no translation requests then.
    private VtdDeviceTlb<SnoopedMemory>? TlbOf(int source) =>
        _tlbs.TryGetValue(source, out var one) && one.Device.Domain is not FixedDomain { IsIdentity: true }
            ? one.Tlb
            : null;
}
