using IommuKit.Specs.PageTables;

namespace IommuKit.Domains;

/// <summary>A DMA that the IOMMU stopped, as the hardware recorded it.</summary>
/// <param name="Source">Who did it: the name of the device, or of its port.</param>
/// <param name="Iova">The address it used.</param>
/// <param name="IsWrite">Whether it wanted to write.</param>
/// <param name="IsSecure">Whether it was a secure transaction.</param>
/// <param name="Granted">What the mapping allows; None where nothing is mapped.</param>
/// <param name="Reason">The hardware's name for what went wrong.</param>
public readonly record struct IommuFault(
    string Source, ulong Iova, bool IsWrite, bool IsSecure, Protection Granted, string Reason)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Source}: {(IsSecure ? "secure " : "")}{(IsWrite ? "write" : "read")} @0x{Iova:x8}: {Reason} (granted: {Granted})";
}
