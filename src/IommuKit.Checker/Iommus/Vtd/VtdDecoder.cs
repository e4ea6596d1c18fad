using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>
/// Reads what a driver tells a VT-d unit: descriptors when the tail is written, context and PASID entries when they are stored. An address space is a
/// domain id; of PASIDs, those are followed that devices are looked at by, or that of what they send without one.
/// </summary>
internal sealed class VtdDecoder : ICommandDecoder
{
    private readonly VtdSource[] _sources;
    private readonly bool _isScalable;
    private readonly VtdUnit _unit;
    private readonly IVtdEntries _entries;
    private readonly VtdQueueCursor _queue;
    private readonly TrackedRange[] _ranges;

    // Of each device: what its entries said when they were looked at last.
    private readonly VtdRoute?[] _routes;

    // Domains that are on the first stage, and the PASID that each is used by.
    private readonly Dictionary<ushort, int> _firstStages = [];

    // Translations were dropped since the last wait, and accesses that have used them are not waited for.
    private bool _isUndrained;

    // Status words of waits that were handed over, and the numbers that they will hold: of those that wait for accesses under way.
    private readonly Dictionary<ulong, uint> _waits = [];

    /// <summary>Begins where the driver is by now.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="sources">The devices that matter, or PASIDs of them; their place in the list is their number.</param>
    public VtdDecoder(VtdMachine machine, IEnumerable<VtdSource> sources)
    {
        ulong register = machine.Model!.Read64(VtdRegister.RootTable);
        _isScalable = IsScalable(register);
        _unit = machine.Model.Unit;
        _entries = EntriesOf(machine);
        _sources = [.. sources];
        _queue = new VtdQueueCursor(machine);
        _routes = new VtdRoute?[_sources.Length];
        _ranges = new TrackedRange[_sources.Length * _entries.Most];
    }

    public IReadOnlyList<TrackedRange> Structures
    {
        get
        {
            for (int device = 0; device < _sources.Length; device++)
            {
                _entries.Find(_sources[device], _ranges.AsSpan(device * _entries.Most, _entries.Most));
            }

            return _ranges;
        }
    }

    /// <summary>The entries of a machine, by the mode that it is in.</summary>
    public static IVtdEntries EntriesOf(VtdMachine machine)
    {
        ulong register = machine.Model!.Read64(VtdRegister.RootTable);
        ulong root = register & VtdRootEntry.AddressMask;
        var memory = new VtdMemory(machine.Memory);
        return IsScalable(register) ? new VtdPasidEntries(memory, root) : new VtdContextEntries(memory, root);
    }

    public void Decode(in MaintenanceStep access, ShadowCommands commands)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail })
        {
            foreach (var (_, descriptor) in _queue.Advance((uint)access.Value))
            {
                Decode(descriptor, commands);
            }
        }
        else if (access.Kind == MaintenanceKind.StatusRead && _waits.TryGetValue(access.Address, out uint number) && number == (uint)access.Value)
        {
            // What others handed over behind the wait is taken to be done too: they look at words of their own before they go on.
            commands.Complete();
        }
    }

    public void Stored(ulong address, ulong before, ulong after, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            Look(device, commands);
        }
    }

    /// <summary>Whether a unit waits for accesses under way only where a descriptor asks for it.</summary>
    public static bool MustAskToDrain(VtdUnit unit) => !unit.AlwaysDrains && unit.Drains(reads: true, writes: true);

    private static bool IsScalable(ulong register) =>
        ((register >> VtdRegister.TableModeShift) & 3) == (ulong)VtdTableMode.Scalable;

    private void Look(int device, ShadowCommands commands)
    {
        var route = _entries.RouteOf(_sources[device]);
        if (route == _routes[device])
        {
            return;
        }

        _routes[device] = route;
        if (route is { } one)
        {
            _firstStages.Remove(one.DomainId);
            if (one.IsFirstStage)
            {
                _firstStages[one.DomainId] = _sources[device].Entry;
            }

            commands.StoreRoot(one.DomainId, one.Root);
            commands.StoreRoute(device, one.DomainId);
            RestoreRoot(device, commands);
        }
        else
        {
            commands.StoreRoute(device, null);
        }
    }

    /// <summary>
    /// An entry that names a domain of another device with another table: the table of the domain is still that of the other. Hardware may remember
    /// both, and what it walks of either goes by the same id.
    /// </summary>
    private void RestoreRoot(int device, ShadowCommands commands)
    {
        var one = _routes[device];
        foreach (var other in _routes)
        {
            if (other is { } right && right.DomainId == one?.DomainId && right.Root != one.Value.Root)
            {
                commands.StoreRoot(right.DomainId, right.Root);
            }
        }
    }

    private void Decode(in VtdInvalidationDescriptor descriptor, ShadowCommands commands)
    {
        if (descriptor.Type == VtdInvalidationType.Iotlb)
        {
            // One that drains does so for all before it. Units that cannot drain leave nothing to ask for.
            _isUndrained = MustAskToDrain(_unit) && !_unit.Drains(descriptor.DrainsReads, descriptor.DrainsWrites);
        }

        switch (descriptor.Type)
        {
            // Each stage has descriptors of its own.
            case VtdInvalidationType.Iotlb when descriptor.Granularity == VtdGranularity.Global || !_firstStages.ContainsKey(descriptor.DomainId):
                DropTranslations(descriptor, commands);
                break;
            case VtdInvalidationType.PasidIotlb when _firstStages.TryGetValue(descriptor.DomainId, out int pasid) && descriptor.Pasid == pasid:
                DropTranslations(descriptor, commands);
                break;
            case VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb:
                DropDevice(descriptor.DeviceTlb, commands);
                break;
            case VtdInvalidationType.ContextCache:
                DropContexts(descriptor, commands);
                break;
            case VtdInvalidationType.PasidCache:
                DropPasids(descriptor, commands);
                break;
            case VtdInvalidationType.Wait when descriptor.WritesStatus && _isUndrained:
                _waits.Remove(descriptor.StatusAddress);
                break;
            case VtdInvalidationType.Wait when descriptor.WritesStatus:
                _waits[descriptor.StatusAddress] = descriptor.StatusData;
                break;
        }
    }

    private static void DropTranslations(in VtdInvalidationDescriptor descriptor, ShadowCommands commands)
    {
        bool isGlobal = descriptor is { Type: VtdInvalidationType.Iotlb, Granularity: VtdGranularity.Global };
        int space = isGlobal ? ShadowCommand.Every : descriptor.DomainId;
        if (descriptor.Granularity == VtdGranularity.Selective)
        {
            commands.DropTranslations(space, descriptor.Address, descriptor.LastAddress, withTables: !descriptor.InvalidationHint);
        }
        else
        {
            commands.DropTranslations(space, 0, ulong.MaxValue, withTables: true);
        }
    }

    private void DropDevice(in VtdDeviceTlbInvalidation invalidation, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            // With a PASID, what came without one stays, and the other way round.
            var source = _sources[device];
            bool isOfPasid = (invalidation.Pasid ?? IommuDomain.NoPasid) == source.Pasid
                || (invalidation.IsGlobal && source.Pasid != IommuDomain.NoPasid);
            if (source.SourceId == invalidation.Source && isOfPasid)
            {
                commands.DropDeviceTranslations(device, invalidation.Address, invalidation.LastAddress);
            }
        }
    }

    private void DropContexts(in VtdInvalidationDescriptor descriptor, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            bool isOfDevice = ((descriptor.SourceId ^ _sources[device].SourceId) & ~MaskOf(descriptor.FunctionMask)) == 0;
            bool isGlobal = descriptor.Granularity == VtdGranularity.Global;
            if (_isScalable)
            {
                // The entry of a PASID is remembered by itself: of no use without one for the device, but there is one again when the device comes back.
                if (isGlobal || isOfDevice)
                {
                    commands.DropRoutes(device, null);
                }
            }
            else if (isGlobal)
            {
                commands.DropRoutes(device);
            }
            else if (descriptor.Granularity == VtdGranularity.Domain || isOfDevice)
            {
                // What is remembered has the id that the entry had then. In caching mode entries that are not present have id 0.
                commands.DropRoutes(device, descriptor.DomainId == 0 ? null : descriptor.DomainId);
            }
        }
    }

    private void DropPasids(in VtdInvalidationDescriptor descriptor, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            // Of pc_inv, 00 is a domain, and 01 a PASID within it.
            if (descriptor.Granularity is VtdGranularity.Domain or VtdGranularity.Selective)
            {
                commands.DropRoutes(device);
            }
            else if (descriptor.Granularity == VtdGranularity.Reserved || descriptor.Pasid == _sources[device].Entry)
            {
                commands.DropRoutes(device, descriptor.DomainId == 0 ? null : descriptor.DomainId);
            }
        }
    }

    // FM: 0 to 3 of the function's bits, from the highest on, are not compared.
    private static int MaskOf(int functionMask) => functionMask switch { 1 => 4, 2 => 6, 3 => 7, _ => 0 };
}
