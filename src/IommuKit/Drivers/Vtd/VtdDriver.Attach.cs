using IommuKit.Domains;

namespace IommuKit.Drivers.Vtd;

/// <content>Attaching and detaching devices. Callers hold the attach lock.</content>
public sealed partial class VtdDriver
{
    /// <summary>What caching mode tags entries with that are not present.</summary>
    internal const ushort NoDomain = 0;

    /// <summary>Has a device while its entry goes from one domain to another.</summary>
    internal const ushort Transit = 1;

    private const ushort FirstDomainId = 2;

    private readonly VtdAddressSpace _identity = new();

    /// <inheritdoc/>
    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (newDomain is not null)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
        }

        var function = (VtdDevice)device;
        if (pasid == 0)
        {
            throw new IommuException(IommuError.ENODEV, $"PASID 0 of {device.Name} stands for what comes without a PASID.");
        }

        int number = pasid == IommuDomain.NoPasid ? 0 : pasid;
        var next = SpaceOf(newDomain);
        var last = SpaceOf(oldDomain);
        if (next is { Users: 0 })
        {
            Load(next, newDomain!);
        }

        var target = TargetOf(next, newDomain);
        var origin = TargetOf(last, oldDomain);
        if (next is not null)
        {
            var tag = _routes.TagOf(target, number);
            bool isShared = (next.Parent ?? next).Where.Translations.Contains(tag);
            Join(next, function, number, target);
            if (function.HasDeviceTlb && isShared)
            {
                // An unmap that is under way and does not know of the device yet has changed the table; but until its invalidation is done, the device
                // could be told, and keep, what the unit has from before.
                Invalidator.Drop(tag);
            }
        }

        if (next is not null && last is not null)
        {
            Move(function, number, last, origin, next, target);
        }
        else if (next is not null)
        {
            Enter(function, number, next, target);
        }
        else if (last is not null)
        {
            _routes.Leave(function, number, origin);
        }

        if (last is not null)
        {
            Part(last, function, number, origin);
        }
    }

    /// <summary>The address space of a domain; null where devices are blocked.</summary>
    private VtdAddressSpace? SpaceOf(IommuDomain? domain) => domain switch
    {
        null or FixedDomain { IsIdentity: false } => null,
        FixedDomain when Unit.ExtendedCapability.PassThrough => _identity,
        FixedDomain => throw new IommuException(IommuError.ENODEV, $"{Unit.Name} passes no device through."),
        PagingDomain paging when _spaces.TryGetValue(paging, out var space) => space,
        VtdNestedDomain nested when nested.Driver == this => nested.Space,
        _ => throw new IommuException(IommuError.EINVAL, $"{Unit.Name} has not made this domain."),
    };

    private static VtdTarget TargetOf(VtdAddressSpace? space, IommuDomain? domain) => space is null ? default
        : domain is PagingDomain paging ? new VtdTarget(space.DomainId, paging.RootAddress, PassesThrough: false)
        : domain is VtdNestedDomain nested ? new VtdTarget(space.DomainId, nested.Parent.RootAddress, PassesThrough: false, nested.Tables)
        : new VtdTarget(space.DomainId, 0, PassesThrough: true);

    private void Load(VtdAddressSpace space, IommuDomain domain)
    {
        int id = FirstDomainId;
        while (id < _domainIds.Length && _domainIds[id])
        {
            id++;
        }

        if (id == _domainIds.Length)
        {
            throw new IommuException(IommuError.ENOSPC, $"All {Traits.AddressSpaces} domain ids of {Unit.Name} are in use.");
        }

        if (((domain as VtdNestedDomain)?.Parent ?? domain as PagingDomain) is { } paging)
        {
            _structures.Publish(paging.RootAddress, 1ul << PageShift);
        }

        _domainIds[id] = true;
        space.DomainId = (ushort)id;
    }

    /// <summary>From here on the policies invalidate what a device may cache of a domain.</summary>
    private void Join(VtdAddressSpace space, VtdDevice device, int pasid, in VtdTarget target)
    {
        space.Users++;
        AddTags(space, target, pasid);
        if (device.HasDeviceTlb)
        {
            space.Add(new VtdDeviceTag(device.SourceId, pasid));
            space.Parent?.Add(new VtdDeviceTag(device.SourceId, pasid, IsNested: true));
        }
    }

    /// <summary>Has the policies invalidate under a target's tag: of a guest's first stage itself, and of what is under it the domain there.</summary>
    private void AddTags(VtdAddressSpace space, in VtdTarget target, int pasid)
    {
        var tag = _routes.TagOf(target, pasid);
        space.Add(space.Parent is null ? tag : tag with { Pasid = pasid });
        space.Parent?.Add(tag);
    }

    private void RemoveTags(VtdAddressSpace space, in VtdTarget target, int pasid)
    {
        var tag = _routes.TagOf(target, pasid);
        space.Remove(space.Parent is null ? tag : tag with { Pasid = pasid });
        space.Parent?.Remove(tag);
    }

    /// <summary>A device holds nothing of a domain any more.</summary>
    private void Part(VtdAddressSpace space, VtdDevice device, int pasid, in VtdTarget target)
    {
        RemoveTags(space, target, pasid);
        if (device.HasDeviceTlb)
        {
            space.Remove(new VtdDeviceTag(device.SourceId, pasid));
            space.Parent?.Remove(new VtdDeviceTag(device.SourceId, pasid, IsNested: true));
        }

        if (--space.Users == 0)
        {
            _domainIds[space.DomainId] = false;
        }
    }

    private void Enter(VtdDevice device, int pasid, VtdAddressSpace next, in VtdTarget target)
    {
        try
        {
            _routes.Enter(device, pasid, target);
        }
        catch (IommuException exception) when (exception.Error == IommuError.ENOMEM)
        {
            // Nothing was stored. Where hardware did not answer, nobody knows what it holds, and invalidations go on.
            Part(next, device, pasid, target);
            throw;
        }
    }

    /// <summary>Moves a device; on the way, what is unmapped of either domain is invalidated under the id that it has meanwhile, too.</summary>
    private void Move(
        VtdDevice device, int pasid, VtdAddressSpace last, in VtdTarget origin, VtdAddressSpace next, in VtdTarget target)
    {
        var before = origin with { DomainId = Transit };
        var after = target with { DomainId = Transit };
        AddTags(last, before, pasid);
        AddTags(next, after, pasid);
        try
        {
            _routes.Move(device, pasid, origin, target);
        }
        finally
        {
            RemoveTags(last, before, pasid);
            RemoveTags(next, after, pasid);
        }
    }
}
