namespace IommuKit.Linux;

/// <summary>Why something cannot be done on this host.</summary>
public enum HostProblem
{
    /// <summary>It needs rights that the process has not.</summary>
    Permission,

    /// <summary>The kernel or the machine does not have it.</summary>
    Unavailable,

    /// <summary>The kernel refused it, or reading or writing failed.</summary>
    Failed,

    /// <summary>A region of a device, such as a BAR of ports, cannot be mapped into a process.</summary>
    NotMappable,
}
