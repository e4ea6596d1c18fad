namespace IommuKit.Models.Dma;

/// <summary>The device side of an IOMMU model.</summary>
public interface IIommuModel
{
    /// <summary>Translates a transaction, or records a fault as the hardware does.</summary>
    Translation Translate(in DmaRequest request);

    /// <summary>Records that nothing answered at the physical address of a transaction.</summary>
    void ReportDecodeError(in DmaRequest request, ulong physicalAddress);
}
