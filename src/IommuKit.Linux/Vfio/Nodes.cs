using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>Opens the kernel's device files for reading and writing, and makes files of events.</summary>
internal static class Nodes
{
    /// <summary>Opens one.</summary>
    /// <param name="files">The host.</param>
    /// <param name="path">The file.</param>
    /// <param name="missing">What to say if it is not there.</param>
    /// <exception cref="HostException">It cannot be opened.</exception>
    public static SafeFileHandle Open(HostFiles files, string path, HostException missing)
    {
        var file = HostCalls.OpenToUse(files.PathOf(path), out int errno);
        return !file.IsInvalid ? file : throw (errno == Errno.NoEntry ? missing : Remedies.CannotOpen(path, errno));
    }

    /// <summary>Makes a file that counts events.</summary>
    /// <exception cref="HostException">There can be no more files.</exception>
    public static SafeFileHandle MakeEvent()
    {
        var file = HostCalls.MakeEvent(out int errno);
        return !file.IsInvalid ? file : throw Remedies.Failed("no file for events can be made", errno);
    }
}
