namespace IommuKit.Traces;

/// <summary>A device behind the IOMMU of a machine that was recorded.</summary>
/// <param name="Name">As the kernel names it: "0000:00:03.0" on PCI.</param>
/// <param name="Group">The number of its group.</param>
/// <param name="Type">The type of the group's default domain: "DMA", "DMA-FQ", "identity" and others; null if it is not said.</param>
/// <param name="Driver">Its driver; null if it has none.</param>
public sealed record RecordedDevice(string Name, int Group, string? Type, string? Driver)
{
    /// <summary>Whether its default domain translates, so that maps and unmaps can be its own.</summary>
    public bool IsTranslated => Type is "DMA" or "DMA-FQ";
}
