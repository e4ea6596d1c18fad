using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>The files of groups: the kernel lets each be opened once.</summary>
internal sealed class VfioGroups(HostFiles files) : IDisposable
{
    private readonly Dictionary<int, SafeFileHandle> _open = [];

    /// <summary>The file of a group.</summary>
    /// <exception cref="HostException">It cannot be opened.</exception>
    public SafeFileHandle Open(int group)
    {
        lock (_open)
        {
            if (!_open.TryGetValue(group, out var file))
            {
                string path = string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{group}");
                file = Nodes.Open(
                    files,
                    path,
                    new HostException(
                        HostProblem.Unavailable, $"there is no {path}: no device of group {group} is with vfio-pci ('iommukit host info' has the commands)"));
                _open.Add(group, file);
            }

            return file;
        }
    }

    public void Dispose()
    {
        lock (_open)
        {
            foreach (var file in _open.Values)
            {
                file.Dispose();
            }

            _open.Clear();
        }
    }
}
