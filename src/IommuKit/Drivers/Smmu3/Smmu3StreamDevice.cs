using IommuKit.Domains;

namespace IommuKit.Drivers.Smmu3;

/// <summary>A device behind an SMMUv3.</summary>
public sealed class Smmu3StreamDevice : IommuDevice
{
    internal Smmu3StreamDevice(Smmu3Driver driver, Smmu3Client stream, Smmu3ContextTable? contexts)
        : base(driver, stream.Name, stream.Pasids)
    {
        StreamId = stream.StreamId;
        Contexts = contexts;
    }

    /// <summary>Its StreamID.</summary>
    public uint StreamId { get; }

    /// <summary>Its context descriptors; null where there is no stage 1.</summary>
    internal Smmu3ContextTable? Contexts { get; }

    /// <summary>PASIDs that are in a domain.</summary>
    internal int AttachedPasids { get; set; }
}
