namespace IommuKit.Linux.Tracing;

/// <summary>Finds the kernel's tracing folder, and says why there is none.</summary>
internal static class Tracefs
{
    private static readonly string[] Places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    /// <summary>The folder.</summary>
    /// <exception cref="HostException">It cannot be used.</exception>
    public static string Find(HostFiles files)
    {
        if (Places.FirstOrDefault(place => files.HasFolder($"{place}/instances")) is { } found)
        {
            return found;
        }

        if (!ProcessStatus.IsRoot(files))
        {
            throw new HostException(HostProblem.Permission, "recording needs root: run it with sudo");
        }

        RefuseLockdown(files);
        throw new HostException(
            HostProblem.Unavailable,
            files.HasFolder(Places[0])
                ? $"tracefs is not mounted: mount -t tracefs nodev {Places[0]} (in a container, record on its host instead)"
                : "the kernel has no tracing: one with CONFIG_FTRACE is needed");
    }

    /// <summary>Says so if the kernel is locked down to where it lets nobody trace, root included.</summary>
    /// <exception cref="HostException">It is.</exception>
    public static void RefuseLockdown(HostFiles files, Exception? cause = null)
    {
        if (files.TryRead("/sys/kernel/security/lockdown")?.Contains("[confidentiality]", StringComparison.Ordinal) == true)
        {
            throw new HostException(
                HostProblem.Permission,
                "the kernel is locked down (confidentiality) and lets nobody trace: boot it with lockdown=integrity or lockdown=none",
                cause);
        }
    }

    /// <summary>Why something that was asked of tracing failed.</summary>
    public static HostException Problem(HostFiles files, string what, Exception cause)
    {
        const int readOnly = 30;
        const int noSpace = 28;
        const int noMemory = 12;
        RefuseLockdown(files, cause);
        return cause switch
        {
            UnauthorizedAccessException when !ProcessStatus.IsRoot(files) =>
                new HostException(HostProblem.Permission, "recording needs root: run it with sudo", cause),
            UnauthorizedAccessException => new HostException(
                HostProblem.Permission, $"the kernel does not let this process trace ({what}): record outside of containers", cause),
            { HResult: readOnly } => new HostException(
                HostProblem.Permission, $"tracefs is mounted for reading only ({what}), as in a container: record on its host", cause),
            { HResult: noMemory or noSpace } => new HostException(
                HostProblem.Failed, $"the kernel has no memory for the trace ({what}): take a smaller --buffer", cause),
            _ => new HostException(HostProblem.Failed, $"the kernel refused to trace ({what}): {cause.Message}; its log may say more (dmesg)", cause),
        };
    }
}
