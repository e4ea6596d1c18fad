using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <summary>
/// Scalable mode: a context entry for each device that is not blocked, which leads to its PASIDs, and an entry for each of these that has a domain.
/// </summary>
/// <remarks>
/// What a device sends without a PASID has number 0 (RID_PASID). An entry of a PASID goes away as the architecture asks: first it is not present, then
/// what is cached of it goes (PASID cache, IOTLB, device TLB, in this order), and only then the rest of it is cleared.
/// </remarks>
internal sealed class VtdPasids : IVtdRoutes
{
    private const int SecondWord = sizeof(ulong);
    private const int ThirdWord = 2 * sizeof(ulong);

    private readonly VtdUnit _unit;
    private readonly VtdStructures _memory;
    private readonly VtdInvalidator _invalidator;
    private readonly VtdMode _mode;
    private readonly int _width;
    private readonly ulong _root;
    private readonly ulong[] _contexts = new ulong[512];
    private readonly Dictionary<ushort, VtdPasidTable> _tables = [];

    /// <summary>Makes a root table without entries.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="memory">Where it is.</param>
    /// <param name="invalidator">Drops what is cached of entries.</param>
    /// <param name="mode">On which stage domains are.</param>
    /// <param name="width">AW of second-stage tables.</param>
    /// <exception cref="IommuException">There is no memory (ENOMEM).</exception>
    public VtdPasids(VtdUnit unit, VtdStructures memory, VtdInvalidator invalidator, VtdMode mode, int width)
    {
        _unit = unit;
        _memory = memory;
        _invalidator = invalidator;
        _mode = mode;
        _width = width;
        _root = memory.Take();
    }

    public ulong Register => _root | ((ulong)VtdTableMode.Scalable << VtdRegister.TableModeShift);

    // The second stage is shared by all PASIDs of a domain. What passes through is told apart as the first stage is.
    public VtdTag TagOf(in VtdTarget target, int pasid) =>
        new(target.DomainId, _mode == VtdMode.SecondStage && !target.PassesThrough ? VtdTag.EveryPasid : pasid);

    public void Enter(VtdDevice device, int pasid, in VtdTarget target)
    {
        ulong context = ContextOf(device.SourceId);
        var table = TableOf(device);
        ulong address = AddressOf(table, pasid);
        var entry = EntryOf(target);
        _memory.Store(address + ThirdWord, entry.Third);
        _memory.Store(address + SecondWord, entry.Second);
        _memory.Store(address, entry.First);
        bool hasCachingMode = _unit.Capability.CachingMode;
        if (hasCachingMode)
        {
            _invalidator.DropPasid(VtdDriver.NoDomain, pasid);
        }

        if (table.Used++ == 0)
        {
            var first = ContextFor(device, table);
            _memory.Store(context + SecondWord, first.Second);
            _memory.Store(context, first.First);
            if (hasCachingMode)
            {
                _invalidator.DropContext(VtdDriver.NoDomain, device.SourceId);
            }
        }

        if (hasCachingMode)
        {
            _invalidator.Drop(TagOf(target, pasid));
        }
    }

    public void Leave(VtdDevice device, int pasid, in VtdTarget origin)
    {
        var table = TableOf(device);
        ulong address = AddressOf(table, pasid);
        _memory.Store(address, 0);
        _invalidator.DropPasid(origin.DomainId, pasid);
        _invalidator.Drop(TagOf(origin, pasid));
        _invalidator.DropDevice(device, pasid);
        _memory.Store(address + SecondWord, 0);
        _memory.Store(address + ThirdWord, 0);
        if (--table.Used == 0)
        {
            // A device without a domain may not ask for translations either, nor say that an address is translated already.
            ulong context = ContextOf(device.SourceId);
            _memory.Store(context, 0);
            _invalidator.DropContext(VtdDriver.NoDomain, device.SourceId);
            _memory.Store(context + SecondWord, 0);
        }
    }

    public void Move(VtdDevice device, int pasid, in VtdTarget origin, in VtdTarget target)
    {
        ulong address = AddressOf(TableOf(device), pasid);
        var before = EntryOf(origin);
        var after = EntryOf(target);
        if (before.UsesFirstStage && after.UsesFirstStage && before.First != after.First && before.Third != after.Third)
        {
            // From guest to guest: both roots change, and one guest's first stage must not lead into the other's memory. It is blocked in between.
            Leave(device, pasid, origin);
            Enter(device, pasid, target);
            return;
        }

        var transit = target with { DomainId = VtdDriver.Transit };
        _memory.Store(address + SecondWord, EntryOf(origin with { DomainId = VtdDriver.Transit }).Second);
        _invalidator.DropPasid(origin.DomainId, pasid);

        // A word that the entry's type does not use changes while it does not: before or after the type.
        if (!before.UsesFirstStage)
        {
            StoreThird(address, pasid, before, after);
        }

        if (before.First != after.First)
        {
            _memory.Store(address, after.First);
            _invalidator.DropPasid(VtdDriver.Transit, pasid);
        }

        if (before.UsesFirstStage)
        {
            StoreThird(address, pasid, before, after);
        }

        DropTransit(origin, transit, pasid);
        _memory.Store(address + SecondWord, after.Second);
        _invalidator.DropPasid(VtdDriver.Transit, pasid);
        DropTransit(origin, transit, pasid);
        _invalidator.Drop(TagOf(origin, pasid));
        if (_unit.Capability.CachingMode)
        {
            _invalidator.Drop(TagOf(target, pasid));
        }

        _invalidator.DropDevice(device, pasid);
    }

    public void Free()
    {
        foreach (var table in _tables.Values)
        {
            table.Free();
        }

        foreach (ulong context in _contexts)
        {
            if (context != 0)
            {
                _memory.Free(context);
            }
        }

        _memory.Free(_root);
    }

    private void StoreThird(ulong address, int pasid, in VtdPasidEntry before, in VtdPasidEntry after)
    {
        if (before.Third != after.Third)
        {
            _memory.Store(address + ThirdWord, after.Third);
            _invalidator.DropPasid(VtdDriver.Transit, pasid);
        }
    }

    /// <summary>Drops what the tables of both domains gave while the entry had the id of neither.</summary>
    private void DropTransit(in VtdTarget origin, in VtdTarget transit, int pasid)
    {
        var old = TagOf(origin with { DomainId = VtdDriver.Transit }, pasid);
        var tag = TagOf(transit, pasid);
        _invalidator.Drop(tag);
        if (old != tag)
        {
            _invalidator.Drop(old);
        }
    }

    private VtdPasidEntry EntryOf(in VtdTarget target)
    {
        bool snoops = _unit.ExtendedCapability.ScalableWalkSnoops;
        return target.PassesThrough ? VtdPasidEntry.OfPassThrough(target.DomainId, snoops)
            : target.Guest is { } guest ? VtdPasidEntry.OfNested(
                target.Root, _width, guest.Root, guest.Levels - 4, target.DomainId, snoops, guest.EnablesNoExecute)
            : _mode == VtdMode.SecondStage ? VtdPasidEntry.OfSecondStage(target.Root, _width, target.DomainId, snoops)
            : VtdPasidEntry.OfFirstStage(
                target.Root,
                _unit.Capability.FirstStage5Levels ? 1 : 0,
                target.DomainId,
                snoops,
                enablesNoExecute: _unit.ExtendedCapability.ExecuteRequests);
    }

    private static VtdScalableContextEntry ContextFor(VtdDevice device, VtdPasidTable table) => VtdScalableContextEntry.Create(
        table.Directory, table.Size, requestPasid: 0, enablesPasid: device.Pasids != 0, enablesDeviceTlb: device.HasDeviceTlb);

    private VtdPasidTable TableOf(VtdDevice device)
    {
        if (!_tables.TryGetValue(device.SourceId, out var table))
        {
            _tables[device.SourceId] = table = new VtdPasidTable(_memory, device.Pasids);
        }

        return table;
    }

    private ulong AddressOf(VtdPasidTable table, int pasid)
    {
        ulong address = table.AddressOf(pasid, out bool isNew);
        if (isNew && _unit.Capability.CachingMode)
        {
            _invalidator.DropPasids();
        }

        return address;
    }

    /// <summary>Where the context entry of a device is. The table of its half of a bus is made if there is none.</summary>
    private ulong ContextOf(ushort source)
    {
        int half = source >> 7;
        ref ulong table = ref _contexts[half];
        if (table == 0)
        {
            table = _memory.Take();
            _memory.Store(_root + ((ulong)(uint)half * sizeof(ulong)), table | VtdRootEntry.Present);
            if (_unit.Capability.CachingMode)
            {
                _invalidator.DropContexts();
            }
        }

        return table + ((ulong)(source & 0x7f) * VtdScalableContextEntry.Bytes);
    }
}
