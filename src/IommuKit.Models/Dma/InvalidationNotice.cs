namespace IommuKit.Models.Dma;

/// <summary>
/// What software has made invalid, for whoever keeps translations outside of a model. It may be more than the hardware had to drop, and is never less.
/// </summary>
/// <remarks>
/// The tags are the hardware's: a listener that does not know which translation has which leaves them out, and drops by stream and address, which is
/// always enough.
/// </remarks>
/// <param name="Scope">What it is about.</param>
/// <param name="First">
/// The first address that devices send, without a top byte that tables ignore; 0 where all are meant. One address of a block means the whole block.
/// </param>
/// <param name="Last">The last address, inclusive.</param>
/// <param name="FirstStream">The first stream (a StreamID, or bus, device and function); 0 where all are meant.</param>
/// <param name="LastStream">The last stream, inclusive.</param>
/// <param name="Substream">
/// The substream or PASID, or null for all. A request without one belongs to one that tables name, and is always meant.
/// </param>
/// <param name="Domain">The tag of a guest or domain (VMID, domain id), or null for all.</param>
/// <param name="Space">
/// The tag of an address space within it (ASID), or null for all. Pages that tables call global belong to every space, and are meant as well.
/// </param>
/// <param name="LeavesOnly">Whether pointers to tables stay: what walks by tables that it has read itself may keep these.</param>
/// <param name="IsOfDeviceTlb">Whether it names what a device holds that was translated for it (ATS), and not what the IOMMU holds.</param>
public readonly record struct InvalidationNotice(
    InvalidationScope Scope,
    ulong First = 0,
    ulong Last = ulong.MaxValue,
    uint FirstStream = 0,
    uint LastStream = uint.MaxValue,
    uint? Substream = null,
    int? Domain = null,
    int? Space = null,
    bool LeavesOnly = false,
    bool IsOfDeviceTlb = false)
{
    // Bits of an address that count: hardware may ignore the byte above.
    private const int AddressBits = 56;

    /// <summary>Whether a translation that is kept has to go, whatever its tags are.</summary>
    /// <param name="stream">The stream that it is for.</param>
    /// <param name="substream">The substream or PASID of its requests; negative for none.</param>
    /// <param name="translation">The translation, with the whole range of the model's answer.</param>
    public bool Concerns(uint stream, int substream, in Translation translation) =>
        stream >= FirstStream
        && stream <= LastStream
        && (Substream is not { } named || substream < 0 || named == (uint)substream)
        && Overlaps(translation.Iova, translation.Length - 1);

    private bool Overlaps(ulong first, ulong more)
    {
        const ulong mask = (1ul << AddressBits) - 1;
        ulong named = Last - First;
        if (named >= mask || more >= mask)
        {
            return true;
        }

        // Round the circle of addresses, either begins within the other.
        return ((first - First) & mask) <= named || ((First - first) & mask) <= more;
    }
}
