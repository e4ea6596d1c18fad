namespace IommuKit.Linux.Host;

/// <summary>Whether the devices of a group can be used by a program.</summary>
public enum GroupState
{
    /// <summary>They are with VFIO, or with no driver.</summary>
    Ready,

    /// <summary>Drivers of the kernel have them.</summary>
    InUse,

    /// <summary>Nothing has them, VFIO neither.</summary>
    Unbound,

    /// <summary>The firmware asks for memory that is mapped 1:1 for them, so that VFIO refuses them.</summary>
    Refused,

    /// <summary>They are not on PCI, which takes drivers of their kind.</summary>
    NotPci,

    /// <summary>There are none but bridges.</summary>
    Empty,
}
