using IommuKit.Sync;

namespace IommuKit.Domains;

/// <summary>The driver of one IOMMU.</summary>
/// <remarks>
/// A driver has traits, devices and a way to make domains: a <see cref="PagingDomain{TFormat, THardware, TBatch}"/> with primitives of its own, or a
/// class derived from <see cref="RequestDomain"/>; and it switches devices from one domain to another. Lists, policies and flushes are not its
/// business.
/// </remarks>
public abstract class IommuDriver : IDisposable
{
    private readonly HashSet<IommuDomain> _domains = [];
    private FixedDomain? _identity;
    private FixedDomain? _blocked;

    /// <summary>What the IOMMU is like.</summary>
    public abstract IommuTraits Traits { get; }

    /// <summary>The devices behind it.</summary>
    public abstract IReadOnlyList<IommuDevice> Devices { get; }

    /// <summary>The domain in which a device uses physical addresses as they are. To map in it is an error (ENODEV).</summary>
    public FixedDomain IdentityDomain => GetFixed(ref _identity, isIdentity: true);

    /// <summary>The domain in which a device reaches nothing. To map in it is an error (ENODEV).</summary>
    public FixedDomain BlockedDomain => GetFixed(ref _blocked, isIdentity: false);

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

        // With the PASIDs that are still in use.
        foreach (var domain in _domains.ToArray())
        {
            domain.Dispose();
        }

        IsDisposed = true;
        SwitchOff();
    }

    /// <summary>Whether the IOMMU was switched off.</summary>
    protected bool IsDisposed { get; private set; }

    /// <summary>Held while devices change domains.</summary>
    internal Lock AttachLock { get; } = new();

    /// <summary>
    /// Lets what a device sends go through another domain, without a gap in which it goes through neither. One call at a time. If it throws, nothing
    /// has changed.
    /// </summary>
    /// <param name="device">A device of this driver.</param>
    /// <param name="pasid">One of its PASIDs, or <see cref="IommuDomain.NoPasid"/>.</param>
    /// <param name="oldDomain">The domain that it is in; null if it is attached.</param>
    /// <param name="newDomain">
    /// The domain that it goes to; null if it is detached. It may be <see cref="IdentityDomain"/> or <see cref="BlockedDomain"/>. When its first
    /// device comes, hardware must hold nothing of it from before: see <see cref="Sync.IDomainHardware{TBatch}.IsLive"/>. </param>
    /// <exception cref="IommuException">The hardware has no address space left (ENOSPC), or cannot do this (ENODEV).</exception>
    protected internal abstract void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain);

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

    /// <summary>The domains that were not disposed of. The caller holds the attach lock.</summary>
    internal IReadOnlyCollection<IommuDomain> Domains => _domains;

    /// <summary>A domain without devices is about to give its tables back: what stands on top of it goes before. The caller holds the attach lock.</summary>
    protected internal virtual void Leaving(IommuDomain domain)
    {
    }

    /// <summary>Forgets what the hardware needed of a domain.</summary>
    protected internal virtual void Forget(IommuDomain domain)
    {
    }

    /// <summary>Stops translation and interrupts, on hardware where that can be done. No device is attached.</summary>
    protected virtual void SwitchOff()
    {
    }

    private FixedDomain GetFixed(ref FixedDomain? domain, bool isIdentity)
    {
        lock (AttachLock)
        {
            if (domain is not { IsDisposed: false })
            {
                domain = new FixedDomain(this, isIdentity);
            }

            return domain;
        }
    }
}
