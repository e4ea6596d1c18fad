namespace IommuKit.Drivers.Vtd;

/// <summary>Where translations of a domain may be cached. Never changes: whoever reads it without a lock has all of one moment.</summary>
/// <param name="translations">In the unit.</param>
/// <param name="devices">In devices.</param>
internal sealed class VtdTags(VtdTag[] translations, VtdDeviceTag[] devices)
{
    /// <summary>Nowhere.</summary>
    public static VtdTags None { get; } = new([], []);

    /// <summary>In the unit.</summary>
    public VtdTag[] Translations { get; } = translations;

    /// <summary>In devices.</summary>
    public VtdDeviceTag[] Devices { get; } = devices;
}
