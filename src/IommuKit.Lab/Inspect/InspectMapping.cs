namespace IommuKit.Lab.Inspect;

/// <summary>What a page table maps: a range that lies together on both sides, with rights.</summary>
/// <param name="Iova">The first IOVA.</param>
/// <param name="First">The first physical address.</param>
/// <param name="Last">The last physical address.</param>
/// <param name="IsReadable">Whether it may be read.</param>
/// <param name="IsWritable">Whether it may be written.</param>
internal readonly record struct InspectMapping(ulong Iova, ulong First, ulong Last, bool IsReadable, bool IsWritable)
{
    /// <summary>Its bytes.</summary>
    public ulong Bytes => Last - First + 1;

    /// <summary>The last IOVA.</summary>
    public ulong LastIova => Iova + (Last - First);
}
