using IommuKit.Domains;

namespace IommuKit.Drivers.Vtd;

/// <summary>A PCI function behind a VT-d unit.</summary>
public sealed class VtdDevice : IommuDevice
{
    internal VtdDevice(VtdDriver driver, ushort sourceId, bool hasDeviceTlb, int pasids)
        : base(driver, NameOf(sourceId), pasids)
    {
        SourceId = sourceId;
        HasDeviceTlb = hasDeviceTlb;
    }

    /// <summary>Bus in bits 15:8, device in 7:3, function in 2:0.</summary>
    public ushort SourceId { get; }

    /// <summary>Whether it may keep translations of its own, which are invalidated too.</summary>
    public bool HasDeviceTlb { get; }

    /// <summary>What stands for a source id: 00:1f.3.</summary>
    internal static string NameOf(ushort sourceId) =>
        FormattableString.Invariant($"{sourceId >> 8:x2}:{(sourceId >> 3) & 0x1f:x2}.{sourceId & 7}");
}
