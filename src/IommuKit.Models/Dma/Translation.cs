using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Dma;

/// <summary>The answer of an IOMMU: a range around the IOVA that translates alike, or a fault.</summary>
/// <param name="IsAllowed">Whether the transaction may go on. If not, the hardware has recorded a fault.</param>
/// <param name="Iova">First IOVA of the range.</param>
/// <param name="Length">Bytes in the range: 1 at least.</param>
/// <param name="PhysicalAddress">What the first IOVA translates to.</param>
/// <param name="Rights">What is allowed in the range.</param>
public readonly record struct Translation(bool IsAllowed, ulong Iova, ulong Length, ulong PhysicalAddress, Protection Rights)
{
    /// <summary>The answer to a transaction that must not go on.</summary>
    public static Translation Fault => default;

    /// <summary>Whether an IOVA is in the range.</summary>
    public bool Contains(ulong iova) => iova - Iova < Length;

    /// <summary>What an IOVA in the range translates to.</summary>
    public ulong PhysicalOf(ulong iova) => PhysicalAddress + (iova - Iova);

    /// <summary>Bytes from an IOVA in the range to its end.</summary>
    public ulong BytesFrom(ulong iova) => Length - (iova - Iova);
}
