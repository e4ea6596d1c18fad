namespace IommuKit.Linux.Vfio;

/// <summary>How a host's devices are used.</summary>
public sealed record VfioHostOptions
{
    /// <summary>By which of the kernel's ways.</summary>
    public HostBackEnd BackEnd { get; init; } = HostBackEnd.PreferIommufd;

    /// <summary>Against which limit locked memory counts.</summary>
    public HostLockLimit LockLimit { get; init; } = HostLockLimit.Usual;
}
