namespace IommuKit.Models.Smmu3;

/// <summary>What a wired interrupt tells of. Each has a wire of its own, on which an edge is sent.</summary>
public enum Smmu3Interrupt
{
    /// <summary>The event queue is no longer empty.</summary>
    EventQueue,

    /// <summary>The page request queue is no longer empty.</summary>
    PageRequestQueue,

    /// <summary>A CMD_SYNC has completed.</summary>
    CommandSync,

    /// <summary>An error is active in GERROR.</summary>
    GlobalError,

    /// <summary>No interrupt, but the event that wakes CPUs from WFE: a CMD_SYNC has completed, or a command queue that was full has room.</summary>
    SendEvent,
}
