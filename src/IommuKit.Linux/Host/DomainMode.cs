namespace IommuKit.Linux.Host;

/// <summary>What the kernel's default domain of a group does.</summary>
public enum DomainMode
{
    /// <summary>The kernel does not say, or in words that are not known here.</summary>
    Unknown,

    /// <summary>Translates, and flushes before unmap returns: type DMA.</summary>
    Strict,

    /// <summary>Translates, and flushes later, up to 10 ms: type DMA-FQ.</summary>
    Lazy,

    /// <summary>Translates nothing, IOVAs are physical addresses: type identity.</summary>
    Identity,

    /// <summary>Lets nothing through: type blocked.</summary>
    Blocked,

    /// <summary>Belongs to somebody else, such as VFIO: type unmanaged.</summary>
    Unmanaged,
}
