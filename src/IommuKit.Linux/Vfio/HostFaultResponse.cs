namespace IommuKit.Linux.Vfio;

/// <summary>What a device is told that waits for a page. The numbers are the kernel's.</summary>
public enum HostFaultResponse
{
    /// <summary>The page is there: the device tries again.</summary>
    Success = 0,

    /// <summary>The page will not be there: the device gives its access up.</summary>
    Invalid = 1,
}
