namespace IommuKit.Linux.Vfio;

/// <summary>Against which limit the memory that devices reach is counted, which stays locked as long as they do (<c>ulimit -l</c>).</summary>
public enum HostLockLimit
{
    /// <summary>What the kernel's way does by itself: VFIO type 1 counts by process, iommufd by user.</summary>
    Usual,

    /// <summary>
    /// What all processes of the user have locked together counts, and a page that two address spaces share by a copy counts once. Only iommufd does
    /// that.
    /// </summary>
    OfUser,

    /// <summary>What this process has locked counts. Of iommufd it needs CAP_SYS_RESOURCE.</summary>
    OfProcess,
}
