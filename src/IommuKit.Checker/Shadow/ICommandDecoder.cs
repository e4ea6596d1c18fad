using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// Reads what a driver tells the hardware, as the architecture defines it: the one part of the checker that each IOMMU has of its own. It sees the
/// accesses in the order in which they take effect.
/// </summary>
public interface ICommandDecoder
{
    /// <summary>What an access does.</summary>
    ShadowCommand Decode(in MaintenanceStep access);
}
