namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>What entries in memory say of a device.</summary>
/// <param name="DomainId">Its domain.</param>
/// <param name="Root">The root of its page table.</param>
/// <param name="IsFirstStage">Whether that is a first stage, which has invalidations of its own.</param>
internal readonly record struct VtdRoute(ushort DomainId, ulong Root, bool IsFirstStage);
