namespace IommuKit.Drivers.Smmu2;

/// <summary>A device behind an SMMUv2, as firmware describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="StreamId">Its StreamID.</param>
/// <param name="Mask">Bits of the StreamID that do not count, where one device has several.</param>
public sealed record Smmu2Client(string Name, uint StreamId, uint Mask = 0)
{
    /// <summary>Whether a StreamID is its.</summary>
    internal bool Has(uint stream) => ((stream ^ StreamId) & ~Mask) == 0;

    /// <summary>Whether a StreamID can be of both.</summary>
    internal bool Overlaps(Smmu2Client other) => ((StreamId ^ other.StreamId) & ~(Mask | other.Mask)) == 0;
}
