namespace IommuKit.Lab.Replay.Devices;

/// <summary>In which order a device uses the pages of a mapping; each of them once.</summary>
public enum DeviceOrder
{
    /// <summary>From the first page to the last.</summary>
    Ascending,

    /// <summary>Anyhow, the same way each time.</summary>
    Scattered,
}
