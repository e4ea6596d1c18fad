using IommuKit.Domains;

namespace IommuKit.Drivers.Smmu2;

/// <summary>A device behind an SMMUv2.</summary>
public sealed class Smmu2StreamDevice : IommuDevice
{
    internal Smmu2StreamDevice(Smmu2Driver driver, Smmu2Client client, int group)
        : base(driver, client.Name)
    {
        Client = client;
        Group = group;
    }

    /// <summary>Its StreamID.</summary>
    public uint StreamId => Client.StreamId;

    internal Smmu2Client Client { get; }

    /// <summary>The number of its stream match register and of its S2CR.</summary>
    internal int Group { get; }
}
