namespace IommuKit.Models.Smmu2;

/// <summary>A transaction of a device as it arrives at an SMMU.</summary>
/// <param name="StreamId">The StreamID.</param>
/// <param name="Address">The address.</param>
/// <param name="Access">What it does.</param>
public readonly record struct Smmu2Request(uint StreamId, ulong Address, Smmu2Access Access)
{
    /// <summary>Whether it writes.</summary>
    public bool IsWrite => (Access & Smmu2Access.Write) != 0;
}
