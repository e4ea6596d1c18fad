using IommuKit.Domains;
using IommuKit.Specs.PageTables;

namespace IommuKit.Linux.Vfio;

/// <summary>
/// A domain whose page table the kernel has. What devices reach is memory of this process: where other domains map physical addresses, this one maps
/// addresses of the process.
/// </summary>
/// <remarks>What is mapped while no device is in it is mapped when the first one comes.</remarks>
public sealed class HostDomain : RequestDomain
{
    private readonly VfioHost _host;

    internal HostDomain(VfioHost host, DomainOptions options, HostSpace space)
        : base(host, options)
    {
        _host = host;
        Space = space;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(ulong First, ulong Last)> ReservedIovas => _host.Windows.Gaps();

    /// <inheritdoc/>
    public override bool MapsProcess => true;

    internal HostSpace Space { get; }

    /// <summary>A device comes. Where mappings need a device, all are made with the first.</summary>
    internal void Enter(VfioDevice device) => BetweenRequests(() =>
    {
        bool couldMap = Space.CanMap;
        Space.Attach(device);
        if (couldMap)
        {
            return;
        }

        var error = Replay();
        if (error != IommuError.None)
        {
            Space.Detach(device);
            throw new IommuException(error, $"{device.Name} cannot be attached, as what is mapped in the domain is refused. {Remedies.OfMap(error)}");
        }
    });

    /// <summary>A device goes.</summary>
    internal void Leave(VfioDevice device)
    {
        device.CloseAll();
        BetweenRequests(() => Space.Detach(device));
    }

    /// <inheritdoc/>
    protected override IommuError RequestMap(ulong iova, ulong physicalAddress, ulong size, Protection protection) => Space.CanMap
        ? Errno.ToIommu(Space.Map(iova, physicalAddress, size, (protection & Protection.Read) != 0, (protection & Protection.Write) != 0))
        : _host.Windows.Contains(iova, iova + (size - 1)) ? IommuError.None : IommuError.EINVAL;

    /// <inheritdoc/>
    protected override IommuError RequestUnmap(ulong iova, ulong size) => Space.CanMap ? Errno.ToIommu(Space.Unmap(iova, size)) : IommuError.None;

    /// <inheritdoc/>
    protected override string? RemedyFor(IommuError reason) => Remedies.OfMap(reason);
}
