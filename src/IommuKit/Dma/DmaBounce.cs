namespace IommuKit.Dma;

/// <summary>What of a process's memory a device is not let reach itself: it gets a copy of it, in memory that holds nothing else.</summary>
public enum DmaBounce
{
    /// <summary>
    /// Only what shares a granule with something else, at the beginning and at the end: the granules between are the device's. Where a domain maps
    /// no addresses of this process, as of a model, it is all of it.
    /// </summary>
    Edges,

    /// <summary>
    /// All of it, for devices that are not trusted: they reach neither the memory nor what was in the copy's memory before. Where only a physical
    /// address is known (<see cref="DmaMapper.Map"/>, <see cref="DmaMapper.MapList"/>) nothing can be copied: parts of granules are refused there.
    /// </summary>
    All,
}
