using System.Runtime.InteropServices;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <content>Attaching and detaching devices: context entries, and what is cached of them. Callers hold the attach lock.</content>
public sealed partial class VtdDriver
{
    // What caching mode tags entries with that are not present.
    private const ushort NoDomain = 0;

    // Has a device while its entry goes from one domain to another.
    private const ushort Transit = 1;
    private const ushort FirstDomainId = 2;

    private readonly ulong _root;
    private readonly ulong[] _contextTables = new ulong[256];
    private readonly VtdAddressSpace _identity = new();

    /// <inheritdoc/>
    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (newDomain is not null)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
        }

        if (pasid != IommuDomain.NoPasid)
        {
            throw new IommuException(IommuError.ENODEV, $"{Unit.Name} is used in legacy mode, which has no PASIDs.");
        }

        var next = SpaceOf(newDomain);
        var last = SpaceOf(oldDomain);
        ushort source = ((VtdDevice)device).SourceId;
        ulong address = ContextOf(source);
        if (next is { Users: 0 })
        {
            Load(next, newDomain!);
        }

        var target = next is null ? default : EntryOf(next, newDomain!);
        if (next is not null && last is not null)
        {
            Move(source, address, last, target);
        }
        else if (next is not null)
        {
            Enter(source, address, target);
        }
        else if (last is not null)
        {
            Leave(source, address, last);
        }

        next?.Users += 1;
        if (last is not null && --last.Users == 0)
        {
            _domainIds[last.DomainId] = false;
            last.Leave();
        }
    }

    private static ulong Half(VtdContextEntry entry, bool isUpper) => isUpper ? entry.Upper : entry.Lower;

    /// <summary>The address space of a domain; null where devices are blocked.</summary>
    private VtdAddressSpace? SpaceOf(IommuDomain? domain) => domain switch
    {
        null or FixedDomain { IsIdentity: false } => null,
        FixedDomain when Unit.ExtendedCapability.PassThrough => _identity,
        FixedDomain => throw new IommuException(IommuError.ENODEV, $"{Unit.Name} passes no device through."),
        PagingDomain paging when _spaces.TryGetValue(paging, out var space) => space,
        _ => throw new IommuException(IommuError.EINVAL, $"{Unit.Name} has not made this domain."),
    };

    private VtdContextEntry EntryOf(VtdAddressSpace space, IommuDomain domain) => domain is PagingDomain paging
        ? VtdContextEntry.Create(VtdContextType.Untranslated, paging.RootAddress, _width, (ushort)space.DomainId)
        : VtdContextEntry.Create(VtdContextType.PassThrough, 0, _width, (ushort)space.DomainId);

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

        if (domain is PagingDomain paging)
        {
            Clean(paging.RootAddress, 1ul << PageShift);
            _cache.Barrier();
        }

        _domainIds[id] = true;
        space.Enter((ushort)id);
    }

    /// <summary>A blocked device comes to a domain.</summary>
    private void Enter(ushort source, ulong address, VtdContextEntry entry)
    {
        Store(address, isUpper: true, entry);
        Store(address, isUpper: false, entry);
        if (Unit.Capability.CachingMode)
        {
            // That the device had no entry may be cached, and whatever was not present of the domain when it had no device.
            DropContext(NoDomain, source);
            DropDomain(entry.DomainId);
        }
    }

    /// <summary>A device goes, and is blocked.</summary>
    private void Leave(ushort source, ulong address, VtdAddressSpace last)
    {
        Store(address, isUpper: false, default);
        DropContext((ushort)last.DomainId, source);
        DropDomain((ushort)last.DomainId);
        Store(address, isUpper: true, default);
    }

    /// <summary>
    /// A device goes from one domain to another, without a moment in which it is in neither. An entry has two words, and between the stores to them
    /// hardware may read the new one of one and the old one of the other; under an id that no other device has that does no harm.
    /// </summary>
    private void Move(ushort source, ulong address, VtdAddressSpace last, VtdContextEntry target)
    {
        Store(address, isUpper: true, VtdContextEntry.Create(default, 0, _width, Transit));
        DropContext((ushort)last.DomainId, source);
        Store(address, isUpper: false, target);
        DropContext(Transit, source);
        DropDomain(Transit);
        Store(address, isUpper: true, target);
        DropContext(Transit, source);
        DropDomain(Transit);
        DropDomain((ushort)last.DomainId);
        if (Unit.Capability.CachingMode)
        {
            DropDomain(target.DomainId);
        }
    }

    private void DropContext(ushort domainId, ushort source) =>
        Queue.Do(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Selective, domainId, source));

    private void DropDomain(ushort domainId) => Queue.Do(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, domainId));

    private void Store(ulong address, bool isUpper, VtdContextEntry entry)
    {
        Store(address + (isUpper ? sizeof(ulong) : 0u), Half(entry, isUpper));
        Clean(address, VtdContextEntry.Bytes);
        _cache.Barrier();
    }

    private void Store(ulong address, ulong value) =>
        Volatile.Write(ref MemoryMarshal.AsRef<ulong>(_allocator.Memory.Span(address, sizeof(ulong))), value);

    private void Clean(ulong address, ulong bytes)
    {
        if (!_isCoherent)
        {
            _cache.Clean(address, bytes);
        }
    }

    /// <summary>Where the context entry of a device is. The table of its bus is made if there is none.</summary>
    private ulong ContextOf(ushort source)
    {
        ref ulong table = ref _contextTables[source >> 8];
        if (table == 0)
        {
            ulong made = AllocateTable();
            Clean(made, 1ul << PageShift);
            _cache.Barrier();
            ulong entry = _root + ((ulong)(source >> 8) * VtdRootEntry.Bytes);
            Store(entry, made | VtdRootEntry.Present);
            Clean(entry, VtdRootEntry.Bytes);
            _cache.Barrier();
            table = made;
            if (Unit.Capability.CachingMode)
            {
                Queue.Do(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Global));
            }
        }

        return table + ((ulong)(source & 0xff) * VtdContextEntry.Bytes);
    }

    private static ulong Allocate(PageAllocator memory, int log2) => memory.TryAllocate(Math.Max(log2, PageShift), out ulong address)
        ? address
        : throw new IommuException(IommuError.ENOMEM, "There is no memory for the structures of a VT-d unit.");

    private ulong AllocateTable() => Allocate(_allocator, PageShift);

    private void FreeStructures()
    {
        foreach (ulong table in _contextTables)
        {
            if (table != 0)
            {
                _allocator.Free(table, PageShift);
            }
        }

        _allocator.Free(_root, PageShift);
    }
}
