namespace IommuKit.Domains;

/// <summary>The driver of one IOMMU.</summary>
/// <remarks>
/// The drivers are those of this library: what a driver and its domains share is internal, so that others cannot derive from this class.
/// </remarks>
public abstract class IommuDriver : IDisposable
{
    private readonly HashSet<IommuDomain> _domains = [];

    /// <summary>Makes a driver.</summary>
    private protected IommuDriver()
    {
    }

    /// <summary>What the IOMMU is like.</summary>
    public abstract IommuTraits Traits { get; }

    /// <summary>The devices behind it.</summary>
    public abstract IReadOnlyList<IommuDevice> Devices { get; }

    /// <summary>The device of that name.</summary>
    /// <exception cref="IommuException">There is none (ENOENT).</exception>
    public IommuDevice GetDevice(string name)
    {
        foreach (var device in Devices)
        {
            if (device.Name == name)
            {
                return device;
            }
        }

        throw new IommuException(IommuError.ENOENT, $"{Traits.Name} has no device \"{name}\".");
    }

    /// <summary>Makes an empty domain.</summary>
    /// <exception cref="IommuException">The options are not possible (EINVAL), or there is no memory for the root table (ENOMEM).</exception>
    public abstract IommuDomain CreateDomain(DomainOptions? options = null);

    /// <summary>
    /// Reads and acknowledges what the hardware reports, and passes faults to
    /// <see cref="IommuDomain.FaultHandler"/>. Call it when the interrupt is raised.
    /// </summary>
    public abstract void HandleInterrupt();

    /// <summary>
    /// Detaches every device, disposes of every domain, and switches the IOMMU and its interrupts off. To dispose of one of the domains later does
    /// nothing.
    /// </summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        OperationGate.BeginWork();
        try
        {
            lock (AttachLock)
            {
                if (!IsDisposed)
                {
                    DisposeLocked();
                }
            }
        }
        finally
        {
            OperationGate.EndWork();
        }
    }

    private void DisposeLocked()
    {
        foreach (var device in Devices)
        {
            device.Domain?.Detach(device);
        }

        foreach (var domain in _domains.ToArray())
        {
            domain.Dispose();
        }

        IsDisposed = true;
        SwitchOff();
    }

    /// <summary>Whether the IOMMU was switched off.</summary>
    private protected bool IsDisposed { get; private set; }

    /// <summary>Held while devices change domains.</summary>
    internal Lock AttachLock { get; } = new();

    /// <summary>Connects a device that is in no domain.</summary>
    internal abstract void Attach(IommuDomain domain, IommuDevice device);

    /// <summary>Disconnects a device from its domain.</summary>
    internal abstract void Detach(IommuDomain domain, IommuDevice device);

    /// <summary>Remembers a domain, which lives as long as the driver at most.</summary>
    internal void Add(IommuDomain domain)
    {
        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            _domains.Add(domain);
        }
    }

    /// <summary>Forgets a domain that is disposed of. The caller holds the attach lock.</summary>
    internal void Remove(IommuDomain domain)
    {
        _domains.Remove(domain);
        Forget(domain);
    }

    /// <summary>Forgets what the hardware needed of a domain.</summary>
    internal abstract void Forget(IommuDomain domain);

    /// <summary>Stops translation and interrupts, on hardware where that can be done. No device is attached.</summary>
    private protected virtual void SwitchOff()
    {
    }
}
