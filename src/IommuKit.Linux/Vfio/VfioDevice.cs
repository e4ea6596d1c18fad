using IommuKit.Domains;

namespace IommuKit.Linux.Vfio;

/// <summary>A PCI device of this machine that VFIO gives to this program.</summary>
public sealed class VfioDevice : IommuDevice
{
    private readonly List<VfioAccess> _accesses = [];

    internal VfioDevice(VfioHost host, string name, int group, string? node)
        : base(host, name)
    {
        Group = group;
        Node = node;
    }

    /// <summary>The number of its group.</summary>
    public int Group { get; }

    /// <summary>Its node in /dev/vfio/devices; null if it has none.</summary>
    internal string? Node { get; }

    /// <summary>Opens it: registers, configuration, interrupts, reset. It is in a domain.</summary>
    /// <exception cref="HostException">The kernel refuses: with what to do.</exception>
    /// <exception cref="IommuException">It is in no domain (ENODEV).</exception>
    public VfioAccess Open()
    {
        if (Domain is not HostDomain domain)
        {
            throw new IommuException(IommuError.ENODEV, $"{Name} is opened when it is in a domain: without one, its accesses would be refused.");
        }

        var access = new VfioAccess(this, domain.Space.OpenDevice(this));
        lock (_accesses)
        {
            _accesses.Add(access);
        }

        return access;
    }

    /// <summary>What was opened is closed.</summary>
    internal void Forget(VfioAccess access)
    {
        lock (_accesses)
        {
            _accesses.Remove(access);
        }
    }

    /// <summary>Closes what was opened: the kernel lets no device go that is in use.</summary>
    internal void CloseAll()
    {
        VfioAccess[] accesses;
        lock (_accesses)
        {
            accesses = [.. _accesses];
        }

        foreach (var access in accesses)
        {
            access.Dispose();
        }
    }
}
