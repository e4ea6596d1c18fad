using System.Numerics;
using IommuKit.Domains;
using IommuKit.Linux.Host;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>
/// The IOMMU of this machine, as its kernel lets a program use it: devices that VFIO has, and domains whose mappings the kernel makes. Everything is
/// given back when it is disposed of, and by the kernel when the process ends, however it does.
/// </summary>
public sealed class VfioHost : IommuDriver
{
    private readonly HostFiles _files;
    private readonly VfioGroups _groups;
    private readonly SafeFileHandle? _iommufd;
    private readonly VfioNodes? _nodes;
    private readonly List<VfioDevice> _devices = [];
    private readonly OpenParts _queues = new();

    private VfioHost(HostFiles files, IReadOnlyList<string> names, VfioHostOptions options)
    {
        _files = files;
        _groups = new VfioGroups(files);
        try
        {
            var info = HostInfo.Read(files);
            foreach (string name in names)
            {
                _devices.Add(Find(info, name));
            }

            if (UsesIommufd(options.BackEnd))
            {
                _iommufd = Nodes.Open(files, "/dev/iommu", Remedies.NoIommufd());
                ChooseLockLimit(_iommufd, options.LockLimit);
                _nodes = new VfioNodes(files, _iommufd);
            }
            else if (options.LockLimit == HostLockLimit.OfUser)
            {
                throw Remedies.NoLimitOfUserByType1();
            }

            Windows = Probe();
            BackEnd = _iommufd is null ? HostBackEnd.LegacyOnly : HostBackEnd.IommufdOnly;
            Traits = new IommuTraits
            {
                Name = _iommufd is null ? "vfio-type1" : "iommufd",
                InputBits = Math.Max(1, 64 - BitOperations.LeadingZeroCount(Windows.Last)),
                OutputBits = 64,
                PageSizes = Windows.PageSizes,
                SupportedPageSizes = Windows.PageSizes,
                AddressSpaces = int.MaxValue,
            };
        }
        catch
        {
            CloseFiles();
            throw;
        }
    }

    /// <summary>The way that is used: <see cref="HostBackEnd.LegacyOnly"/> or <see cref="HostBackEnd.IommufdOnly"/>.</summary>
    public HostBackEnd BackEnd { get; }

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDevice> Devices => _devices;

    /// <summary>What can be mapped.</summary>
    internal HostWindows Windows { get; }

    /// <summary>Takes devices.</summary>
    /// <param name="devices">Their names, such as "0000:00:03.0"; they are with vfio-pci (<see cref="GroupAccess"/> has the commands).</param>
    /// <param name="backEnd">By which of the kernel's ways.</param>
    /// <exception cref="HostException">It cannot be: one sentence that says what to do.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public static VfioHost Open(IReadOnlyList<string> devices, HostBackEnd backEnd = HostBackEnd.PreferIommufd) =>
        Open(HostFiles.OfThisMachine(), devices, new VfioHostOptions { BackEnd = backEnd });

    /// <summary>Takes devices.</summary>
    /// <param name="devices">Their names, such as "0000:00:03.0"; they are with vfio-pci (<see cref="GroupAccess"/> has the commands).</param>
    /// <param name="options">How they are used.</param>
    /// <exception cref="HostException">It cannot be: one sentence that says what to do.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public static VfioHost Open(IReadOnlyList<string> devices, VfioHostOptions options) => Open(HostFiles.OfThisMachine(), devices, options);

    /// <summary>Against which limit locked memory counts: <see cref="HostLockLimit.OfUser"/> or <see cref="HostLockLimit.OfProcess"/>.</summary>
    /// <exception cref="HostException">The kernel does not say.</exception>
    public HostLockLimit ReadLockLimit()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_iommufd is null)
        {
            return HostLockLimit.OfProcess;
        }

        int result = IommufdOptions.Read(_iommufd, IommufdOptions.LockLimit, 0, out ulong value);
        return result < 0 ? throw Remedies.Failed("iommufd does not say how it counts locked memory", -result)
            : value == 0 ? HostLockLimit.OfUser
            : HostLockLimit.OfProcess;
    }

    /// <summary>The device of that name.</summary>
    /// <exception cref="IommuException">There is none (ENOENT).</exception>
    public new VfioDevice GetDevice(string name) => (VfioDevice)base.GetDevice(name);

    /// <inheritdoc/>
    public override HostDomain CreateDomain(DomainOptions? options = null) => CreateDomain(options, tracksDirtyPages: false);

    /// <summary>Makes a domain.</summary>
    /// <param name="options">What it is to be like; null for what is usual.</param>
    /// <param name="tracksDirtyPages">
    /// Whether it will be asked which pages devices write to. With iommufd the first device whose IOMMU cannot note that is refused.
    /// </param>
    /// <exception cref="HostException">The kernel makes none.</exception>
    public HostDomain CreateDomain(DomainOptions? options, bool tracksDirtyPages) => CreateDomain(options, tracksDirtyPages, null);

    /// <summary>Makes a domain whose devices wait for pages that are not mapped. A device that cannot is refused when it is attached.</summary>
    /// <param name="options">What it is to be like; null for what is usual.</param>
    /// <param name="faults">Where to read what they wait for, of this host.</param>
    /// <exception cref="HostException">The kernel makes none.</exception>
    public HostDomain CreateDomain(DomainOptions? options, HostFaults faults)
    {
        ArgumentNullException.ThrowIfNull(faults);
        return CreateDomain(options, tracksDirtyPages: false, faults);
    }

    /// <summary>Makes a queue of pages that devices wait for, for <see cref="CreateDomain(DomainOptions?, HostFaults)"/>.</summary>
    /// <exception cref="HostException">The kernel has none: iommufd has, from 6.11 on.</exception>
    public HostFaults CreateFaultQueue()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        var queue = _iommufd is null ? throw Remedies.NoFaultQueueByType1() : MakeFaultQueue(_iommufd, _nodes!.Find, _queues.Remove);
        if (!_queues.TryAdd(queue))
        {
            queue.Dispose();
            throw new ObjectDisposedException(nameof(VfioHost));
        }

        return queue;
    }

    private HostDomain CreateDomain(DomainOptions? options, bool tracksDirtyPages, HostFaults? faults)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        var space = MakeSpace(tracksDirtyPages, faults);
        try
        {
            return new HostDomain(this, Windows, options ?? new DomainOptions(), space);
        }
        catch
        {
            space.Dispose();
            throw;
        }
    }

    /// <summary>Does nothing: the kernel has the IOMMU's interrupts, and writes faults to its log.</summary>
    public override void HandleInterrupt()
    {
        // The kernel does.
    }

    /// <summary>Has the kernel make a queue of faults.</summary>
    /// <param name="iommufd">Where.</param>
    /// <param name="find">Finds a device by iommufd's number.</param>
    /// <param name="closed">Told when the queue is closed.</param>
    /// <exception cref="HostException">It makes none.</exception>
    internal static HostFaults MakeFaultQueue(SafeFileHandle iommufd, Func<uint, VfioDevice?> find, Action<IDisposable> closed)
    {
        // First, as there may be no more files: then the kernel has made no queue that nobody would end.
        var stop = Nodes.MakeEvent();
        var allocation = new IommufdFaultAlloc { Size = Ioctls.SizeOf<IommufdFaultAlloc>() };
        int result = Ioctls.Call(iommufd, Ioctls.FaultQueueAlloc, ref allocation);
        if (result < 0)
        {
            stop.Dispose();
            throw result == -Errno.NotThere ? Remedies.NoFaultQueue() : Remedies.Failed("iommufd makes no fault queue", -result);
        }

        return new HostFaults(iommufd, allocation.FaultId, new SafeFileHandle(allocation.File, ownsHandle: true), stop, find, closed);
    }

    internal static VfioHost Open(HostFiles files, IReadOnlyList<string> devices, HostBackEnd backEnd) =>
        Open(files, devices, new VfioHostOptions { BackEnd = backEnd });

    internal static VfioHost Open(HostFiles files, IReadOnlyList<string> devices, VfioHostOptions options)
    {
        ArgumentNullException.ThrowIfNull(devices);
        ArgumentNullException.ThrowIfNull(options);
        if (devices.Count == 0)
        {
            throw new ArgumentException("There is no device named.", nameof(devices));
        }

        return new VfioHost(files, devices, options);
    }

    /// <inheritdoc/>
    /// <remarks>Between two domains a device is in neither for a moment: it reaches nothing then. What was opened of it is closed.</remarks>
    protected override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (pasid != IommuDomain.NoPasid || oldDomain is FixedDomain || newDomain is FixedDomain)
        {
            throw new IommuException(IommuError.ENODEV, "VFIO has domains with mappings only: a device is in one, or reaches nothing.");
        }

        var vfio = (VfioDevice)device;
        (oldDomain as HostDomain)?.Leave(vfio);
        try
        {
            (newDomain as HostDomain)?.Enter(vfio);
        }
        catch
        {
            (oldDomain as HostDomain)?.Enter(vfio);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Forget(IommuDomain domain)
    {
        if (domain is HostDomain host)
        {
            host.Space.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override void SwitchOff() => CloseFiles();

    /// <summary>Before anything is made of the file: afterwards the kernel refuses.</summary>
    private static void ChooseLockLimit(SafeFileHandle iommufd, HostLockLimit limit)
    {
        if (limit != HostLockLimit.Usual)
        {
            int result = IommufdOptions.Write(iommufd, IommufdOptions.LockLimit, 0, limit == HostLockLimit.OfProcess ? 1ul : 0);
            if (result < 0)
            {
                throw Remedies.NoLockLimit(-result);
            }
        }
    }

    private bool UsesIommufd(HostBackEnd backEnd) => backEnd switch
    {
        HostBackEnd.LegacyOnly => false,
        HostBackEnd.IommufdOnly => true,
        _ => _files.HasFile("/dev/iommu") && _devices.TrueForAll(device => device.Node is not null),
    };

    private VfioDevice Find(HostInfo info, string name)
    {
        var group = info.Groups.FirstOrDefault(group => group.Devices.Any(device => device.Name == name))
            ?? throw (info.UngroupedDevices.Any(device => device.Name == name) ? Remedies.NotReady(name) : Remedies.NoDevice(name));
        var device = group.Devices.First(device => device.Name == name);
        return device.IsWithVfio ? new VfioDevice(this, name, group.Number, device.VfioNode) : throw Remedies.NotReady(name);
    }

    private HostSpace MakeSpace(bool tracksDirtyPages = false, HostFaults? faults = null) =>
        _iommufd is not null ? new IoasSpace(_iommufd, _nodes!, tracksDirtyPages, faults)
        : faults is null ? new Type1Space(_files, _groups)
        : throw Remedies.NoFaultQueueByType1();

    /// <summary>Finds out what can be mapped, and whether the devices can be had, in an address space for that alone.</summary>
    private HostWindows Probe()
    {
        using var space = MakeSpace();
        var entered = new Stack<VfioDevice>();
        try
        {
            foreach (var device in _devices)
            {
                space.Attach(device);
                entered.Push(device);
            }

            return space.ReadWindows();
        }
        finally
        {
            while (entered.TryPop(out var device))
            {
                space.Detach(device);
            }
        }
    }

    private void CloseFiles()
    {
        _queues.Close();
        _nodes?.Dispose();
        _iommufd?.Dispose();
        _groups.Dispose();
    }
}
