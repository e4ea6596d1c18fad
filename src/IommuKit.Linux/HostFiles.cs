using System.Text;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux;

/// <summary>
/// The files in which a kernel shows itself: /sys, /proc and /dev, below one folder, so that tests have a kernel in a folder of their own. All
/// reading is bounded, and never waits.
/// </summary>
/// <param name="root">The folder that stands for /.</param>
internal class HostFiles(string root)
{
    private const int UsualBytes = 4096;
    private const int MostNames = 1 << 16;

    /// <summary>Those of this machine.</summary>
    /// <exception cref="PlatformNotSupportedException">It does not run Linux.</exception>
    public static HostFiles OfThisMachine()
    {
        HostPlatform.Require("IommuKit.Linux looks at the kernel's files in /sys and /proc, which only Linux has: it needs");
        return new HostFiles("/");
    }

    /// <summary>Where a path really is.</summary>
    public string PathOf(string path) => Path.Join(root, path);

    /// <summary>Whether a file or device is there, as far as this process may see.</summary>
    public bool HasFile(string path) => File.Exists(PathOf(path));

    /// <summary>Whether a folder is there, as far as this process may see.</summary>
    public bool HasFolder(string path) => Directory.Exists(PathOf(path));

    /// <summary>What a small file says, without the line end; null if it is not there, empty, or may not be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Bytes that are read of it at most.</param>
    public string? TryRead(string path, int most = UsualBytes)
    {
        try
        {
            return Read(path, most) is { Length: > 0 } text ? text : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What a small file says, without the line end.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">This process may not.</exception>
    public string Read(string path, int most = UsualBytes)
    {
        using var file = OpenToRead(path);
        byte[] buffer = new byte[most];
        int used = 0;
        while (used < most && HostCalls.Read(file, buffer.AsSpan(used)) is > 0 and int count)
        {
            used += count;
        }

        return Encoding.UTF8.GetString(buffer, 0, used).Trim('\n', '\0', ' ');
    }

    /// <summary>Opens a file for reading that never waits.</summary>
    public SafeFileHandle OpenToRead(string path) => HostCalls.OpenToRead(PathOf(path));

    /// <summary>The names in a folder, in order, and no more of them than a kernel can reasonably have; none if it is not there.</summary>
    public IReadOnlyList<string> Names(string path)
    {
        try
        {
            string[] names = [.. Directory.EnumerateFileSystemEntries(PathOf(path)).Take(MostNames).Select(entry => Path.GetFileName(entry)!)];
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The last part of what a link points to; null if it is none.</summary>
    public string? LinkName(string path)
    {
        try
        {
            return new FileInfo(PathOf(path)).LinkTarget is { } target ? Path.GetFileName(target.TrimEnd('/')) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes to one of the kernel's files.</summary>
    public virtual void Write(string path, string text)
    {
        using var file = new FileStream(PathOf(path), FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Makes a folder, which has the kernel make what belongs to it.</summary>
    public virtual void MakeFolder(string path) => Directory.CreateDirectory(PathOf(path));

    /// <summary>Removes a folder, which has the kernel remove what belongs to it.</summary>
    public virtual void RemoveFolder(string path) => Directory.Delete(PathOf(path));
}
