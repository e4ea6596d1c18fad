namespace IommuKit.Dma;

/// <summary>What is special about a mapping.</summary>
[Flags]
public enum DmaAttributes
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The CPU's cache is left alone: the caller synchronises what is used.</summary>
    SkipCpuSync = 1,

    /// <summary>The target is a device, not memory: there is no cache in front of it.</summary>
    Mmio = 2,

    /// <summary>Only privileged transactions of the device may use it.</summary>
    Privileged = 4,
}
