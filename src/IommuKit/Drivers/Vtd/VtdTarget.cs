namespace IommuKit.Drivers.Vtd;

/// <summary>What a device is led to.</summary>
/// <param name="DomainId">The domain.</param>
/// <param name="Root">The root of its table; 0 for pass-through.</param>
/// <param name="PassesThrough">Whether addresses are physical ones.</param>
/// <param name="Guest">The first stage on top of the table, if there is one.</param>
internal readonly record struct VtdTarget(ushort DomainId, ulong Root, bool PassesThrough, VtdGuestTables? Guest = null);
