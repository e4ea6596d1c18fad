using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <summary>Context entries of legacy mode, which have a domain each.</summary>
internal sealed class VtdContexts : IVtdRoutes
{
    private readonly VtdUnit _unit;
    private readonly VtdStructures _memory;
    private readonly VtdInvalidator _invalidator;
    private readonly int _width;
    private readonly ulong _root;
    private readonly ulong[] _tables = new ulong[256];

    /// <summary>Makes a root table without entries.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="memory">Where it is.</param>
    /// <param name="invalidator">Drops what is cached of entries.</param>
    /// <param name="width">AW of second-stage tables.</param>
    /// <exception cref="IommuException">There is no memory (ENOMEM).</exception>
    public VtdContexts(VtdUnit unit, VtdStructures memory, VtdInvalidator invalidator, int width)
    {
        _unit = unit;
        _memory = memory;
        _invalidator = invalidator;
        _width = width;
        _root = memory.Take();
    }

    public ulong Register => _root;

    public VtdTag TagOf(in VtdTarget target, int pasid) => new(target.DomainId, VtdTag.EveryPasid);

    public void Enter(VtdDevice device, int pasid, in VtdTarget target)
    {
        ulong address = AddressOf(device.SourceId);
        var entry = EntryOf(device, target);
        _memory.Store(address + sizeof(ulong), entry.Upper);
        _memory.Store(address, entry.Lower);
        if (_unit.Capability.CachingMode)
        {
            // That the device had no entry may be cached, and whatever was not present of the domain when it had no device.
            _invalidator.DropContext(VtdDriver.NoDomain, device.SourceId);
            _invalidator.Drop(TagOf(target, pasid));
        }
    }

    public void Leave(VtdDevice device, int pasid, in VtdTarget origin)
    {
        ulong address = AddressOf(device.SourceId);
        _memory.Store(address, 0);
        _invalidator.DropContext(origin.DomainId, device.SourceId);
        _invalidator.Drop(TagOf(origin, pasid));
        _invalidator.DropDevice(device, pasid);
        _memory.Store(address + sizeof(ulong), 0);
    }

    // An entry has two words, and between the stores to them hardware may read the new one of one and the old one of the other; under an id that no
    // other device has that does no harm.
    public void Move(VtdDevice device, int pasid, in VtdTarget origin, in VtdTarget target)
    {
        ulong address = AddressOf(device.SourceId);
        var entry = EntryOf(device, target);
        var transit = new VtdTag(VtdDriver.Transit, VtdTag.EveryPasid);
        _memory.Store(address + sizeof(ulong), VtdContextEntry.Create(default, 0, _width, VtdDriver.Transit).Upper);
        _invalidator.DropContext(origin.DomainId, device.SourceId);
        _memory.Store(address, entry.Lower);
        _invalidator.DropContext(VtdDriver.Transit, device.SourceId);
        _invalidator.Drop(transit);
        _memory.Store(address + sizeof(ulong), entry.Upper);
        _invalidator.DropContext(VtdDriver.Transit, device.SourceId);
        _invalidator.Drop(transit);
        _invalidator.Drop(TagOf(origin, pasid));
        if (_unit.Capability.CachingMode)
        {
            _invalidator.Drop(TagOf(target, pasid));
        }

        _invalidator.DropDevice(device, pasid);
    }

    public void Free()
    {
        foreach (ulong table in _tables)
        {
            if (table != 0)
            {
                _memory.Free(table);
            }
        }

        _memory.Free(_root);
    }

    private VtdContextEntry EntryOf(VtdDevice device, in VtdTarget target) => VtdContextEntry.Create(
        target.PassesThrough ? VtdContextType.PassThrough
            : device.HasDeviceTlb ? VtdContextType.All
            : VtdContextType.Untranslated,
        target.Root,
        _width,
        target.DomainId);

    /// <summary>Where the context entry of a device is. The table of its bus is made if there is none.</summary>
    private ulong AddressOf(ushort source)
    {
        ref ulong table = ref _tables[source >> 8];
        if (table == 0)
        {
            table = _memory.Take();
            _memory.Store(_root + ((ulong)(source >> 8) * VtdRootEntry.Bytes), table | VtdRootEntry.Present);
            if (_unit.Capability.CachingMode)
            {
                _invalidator.DropContexts();
            }
        }

        return table + ((ulong)(source & 0xff) * VtdContextEntry.Bytes);
    }
}
