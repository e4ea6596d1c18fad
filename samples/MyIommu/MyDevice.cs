using IommuKit.Domains;

namespace MyIommu;

/// <summary>A device behind the toy IOMMU.</summary>
/// <param name="driver">Its driver.</param>
/// <param name="id">Its number, which is the source id of its DMA.</param>
public sealed class MyDevice(MyDriver driver, int id) : IommuDevice(driver, $"device{id}")
{
    /// <summary>Its number.</summary>
    public int Id => id;
}
