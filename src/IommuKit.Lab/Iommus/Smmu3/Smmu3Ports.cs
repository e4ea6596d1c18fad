using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>The way from devices to an SMMU: through the TLB of a device that has one, or straight on.</summary>
internal sealed class Smmu3Ports : IIommuModel
{
    private readonly Smmu3Model<DeviceMemory> _smmu;
    private readonly Dictionary<int, (Smmu3StreamDevice Device, Smmu3DeviceTlb<DeviceMemory> Tlb)> _tlbs;

    /// <summary>Gives devices TLBs.</summary>
    /// <param name="smmu">The SMMU.</param>
    /// <param name="devices">The devices that have one.</param>
    /// <param name="askAgain">Whether they ask at once again for what they are told to drop.</param>
    public Smmu3Ports(Smmu3Model<DeviceMemory> smmu, IEnumerable<Smmu3StreamDevice> devices, bool askAgain)
    {
        _smmu = smmu;
        _tlbs = devices.ToDictionary(
            device => (int)device.StreamId,
            device => (device, new Smmu3DeviceTlb<DeviceMemory>(smmu, device.StreamId) { AsksAgain = askAgain }));
        smmu.DeviceTlbInvalidated = Drop;
    }

    public AccessGate Accesses => _smmu.Accesses;

    public Translation Translate(in DmaRequest request) => TlbOf(request) is { } tlb ? tlb.Translate(request) : _smmu.Translate(request);

    /// <summary>Translates an access of a PASID.</summary>
    public Translation Translate(in DmaRequest request, int pasid)
    {
        var access = request.IsWrite ? Smmu3Access.Write : Smmu3Access.Read;
        return _tlbs.TryGetValue(request.Source, out var one)
            ? one.Tlb.Translate(request.Iova, access, pasid).Range
            : _smmu.Translate(new Smmu3Request((uint)request.Source, request.Iova, access, pasid)).Range;
    }

    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => _smmu.ReportDecodeError(request, physicalAddress);

    /// <summary>Lets devices forget everything.</summary>
    public void Evict()
    {
        foreach (var (_, tlb) in _tlbs.Values)
        {
            tlb.Evict();
        }
    }

    private bool Drop(Smmu3DeviceTlbInvalidation invalidation) =>
        !_tlbs.TryGetValue((int)invalidation.StreamId, out var one) || one.Tlb.TryDrop(invalidation);

    // Who passes a device through has ATS off in it: the SMMU answers no translation requests then.
    private Smmu3DeviceTlb<DeviceMemory>? TlbOf(in DmaRequest request) =>
        _tlbs.TryGetValue(request.Source, out var one) && one.Device.Domain is not FixedDomain { IsIdentity: true } ? one.Tlb : null;
}
