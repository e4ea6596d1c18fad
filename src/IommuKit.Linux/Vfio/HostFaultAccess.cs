namespace IommuKit.Linux.Vfio;

/// <summary>What a device wants to do with a page that is not mapped for that. The numbers are the kernel's.</summary>
[Flags]
public enum HostFaultAccess
{
    /// <summary>Nothing that the kernel names.</summary>
    None = 0,

    /// <summary>To read it.</summary>
    Read = 1,

    /// <summary>To write it.</summary>
    Write = 2,

    /// <summary>To run what is there.</summary>
    Execute = 4,

    /// <summary>To do so as a privileged one.</summary>
    Privileged = 8,
}
