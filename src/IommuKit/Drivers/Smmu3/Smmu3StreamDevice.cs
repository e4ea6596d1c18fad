using IommuKit.Domains;

namespace IommuKit.Drivers.Smmu3;

/// <summary>A device behind an SMMUv3.</summary>
public sealed class Smmu3StreamDevice : IommuDevice
{
    internal Smmu3StreamDevice(Smmu3Driver driver, Smmu3Client stream, Smmu3ContextTable? contexts, bool hasDeviceTlb)
        : base(driver, stream.Name, stream.Pasids)
    {
        StreamId = stream.StreamId;
        Contexts = contexts;
        HasDeviceTlb = hasDeviceTlb;
    }

    /// <summary>Its StreamID.</summary>
    public uint StreamId { get; }

    /// <summary>Whether it keeps translations of its own, which the SMMU gives it (ATS).</summary>
    public bool HasDeviceTlb { get; }

    /// <summary>Its context descriptors; null where there is no stage 1.</summary>
    internal Smmu3ContextTable? Contexts { get; }

    /// <summary>What it, or one of its PASIDs, is told by to forget.</summary>
    internal Smmu3DeviceTag Tag(uint? pasid) => new(StreamId, pasid);

    /// <summary>PASIDs that are in a domain.</summary>
    internal int AttachedPasids { get; set; }

    /// <summary>Whether the SMMU gives it translations now.</summary>
    internal bool MayHoldTranslations { get; set; }
}
