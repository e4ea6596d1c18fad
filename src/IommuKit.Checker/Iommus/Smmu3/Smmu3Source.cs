using IommuKit.Domains;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Where accesses come from: a device, or one of its PASIDs.</summary>
/// <param name="StreamId">The StreamID.</param>
/// <param name="Pasid">The SubstreamID, or <see cref="IommuDomain.NoPasid"/>.</param>
internal readonly record struct Smmu3Source(uint StreamId, int Pasid = IommuDomain.NoPasid)
{
    /// <summary>The context descriptor that counts.</summary>
    public uint Substream => HasPasid ? (uint)Pasid : 0;

    /// <summary>Whether it is a PASID.</summary>
    public bool HasPasid => Pasid != IommuDomain.NoPasid;
}
