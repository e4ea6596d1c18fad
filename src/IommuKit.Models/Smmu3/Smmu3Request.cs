namespace IommuKit.Models.Smmu3;

/// <summary>A transaction of a device as it arrives at an SMMUv3.</summary>
/// <param name="StreamId">The StreamID.</param>
/// <param name="Address">The address.</param>
/// <param name="Access">What it does. An atomic operation reads and writes; a translation request that does not write has NW = 1.</param>
/// <param name="SubstreamId">The SubstreamID, or <see cref="NoSubstream"/>.</param>
/// <param name="Kind">What it says of the address.</param>
public readonly record struct Smmu3Request(
    uint StreamId,
    ulong Address,
    Smmu3Access Access,
    int SubstreamId = Smmu3Request.NoSubstream,
    Smmu3RequestKind Kind = Smmu3RequestKind.Untranslated)
{
    /// <summary>The SubstreamID of a transaction without one.</summary>
    public const int NoSubstream = -1;

    /// <summary>Whether it carries a SubstreamID.</summary>
    public bool HasSubstream => SubstreamId >= 0;

    /// <summary>Whether it writes.</summary>
    public bool IsWrite => (Access & Smmu3Access.Write) != 0;
}
