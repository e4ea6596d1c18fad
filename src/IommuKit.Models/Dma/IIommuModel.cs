namespace IommuKit.Models.Dma;

/// <summary>The device side of an IOMMU model.</summary>
public interface IIommuModel
{
    /// <summary>
    /// What an access holds from its translation until it has reached memory, so that an invalidation can wait for it.
    /// <see cref="DmaDevice{TMemory}"/> does so.
    /// </summary>
    AccessGate Accesses { get; }

    /// <summary>
    /// Translates a transaction, or records a fault as the hardware does. The answer holds as long as the access is under way: see
    /// <see cref="Accesses"/>.
    /// </summary>
    /// <param name="request">The transaction.</param>
    /// <returns>A range that the IOVA of the transaction is in, or a fault.</returns>
    Translation Translate(in DmaRequest request);

    /// <summary>Records that nothing answered at the physical address of a transaction.</summary>
    void ReportDecodeError(in DmaRequest request, ulong physicalAddress);
}
