namespace IommuKit.Lab.Replay.Devices;

/// <summary>A range of IOVAs that a device uses.</summary>
/// <param name="First">Its first address.</param>
/// <param name="Last">Its last.</param>
internal readonly record struct DeviceRange(ulong First, ulong Last);
