using IommuKit.Checker.Shadow;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// Reads what a driver tells an SMMUv3 (IHI 0070): commands when their doorbell is rung, stream table entries and context descriptors when they are
/// stored. An address space is an ASID at stage 1, and a VMID at stage 2. Under a guest's stage 1, what goes by IPA has gone only when what it was
/// combined to has.
/// </summary>
/// <remarks>
/// What is remembered of a source goes with a command that reaches as far as what changed: CFGI_CD leaves the stream's entry, and with the leaf bit
/// pointers to tables stay.
/// </remarks>
internal sealed class Smmu3Decoder : ICommandDecoder
{
    private const int AllStreams = 31;
    private const int AllPages = 52;
    private const ulong PageBytes = 4096;

    private const int RangesPerSource = 4;

    private readonly Smmu3Source[] _sources;
    private readonly Smmu3Structures _structures;
    private readonly Smmu3CommandCursor _queue;
    private readonly TrackedRange[] _ranges;
    private readonly (ushort Space, ulong Root)?[] _routes;

    // Of each source: how far up something changed that nobody was told of.
    private readonly Reach[] _changed;

    // What went by IPA, while what it was combined to under a guest's stage 1 is still there: in the order of the queue.
    private readonly List<(int Space, ulong First, ulong Last, bool HasTables)> _byIpa = [];
    private readonly bool _isNested;

    // With the erratum: invalidations that had no effect, before the last CMD_SYNC and since.
    private readonly bool _needsTwo;
    private readonly HashSet<Smmu3Command> _issued = [];
    private readonly List<Smmu3Command> _issuedSince = [];

    // Whether a CMD_SYNC was handed over since somebody last looked how far the queue is.
    private bool _hasSync;

    /// <summary>Begins where the driver is by now.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="sources">The devices that matter, or PASIDs of them; their place in the list is their number.</param>
    /// <param name="hardware">What commands do not say.</param>
    public Smmu3Decoder(Smmu3Machine machine, IEnumerable<Smmu3Source> sources, Smmu3Hardware hardware = Smmu3Hardware.Plain)
    {
        _isNested = (hardware & Smmu3Hardware.IsNested) != 0;
        _needsTwo = (hardware & Smmu3Hardware.NeedsTwo) != 0;
        _sources = [.. sources];
        _structures = new Smmu3Structures(machine);
        _queue = new Smmu3CommandCursor(machine);
        _routes = new (ushort, ulong)?[_sources.Length];
        _changed = new Reach[_sources.Length];
        _ranges = new TrackedRange[_sources.Length * RangesPerSource];
    }

    private enum Reach
    {
        Nothing,
        Context,
        ContextPointer,
        Entry,
        EntryPointer,
    }

    public IReadOnlyList<TrackedRange> Structures
    {
        get
        {
            for (int device = 0; device < _sources.Length; device++)
            {
                // From the top down. What is not there is nothing, of no bytes.
                var ranges = _ranges.AsSpan(device * RangesPerSource, RangesPerSource);
                ranges[0] = _structures.PointerOf(_sources[device].StreamId) ?? default;
                ranges[1] = _structures.EntryOf(_sources[device].StreamId) ?? default;
                ranges[2] = _structures.ContextPointerOf(_sources[device]) ?? default;
                ranges[3] = _structures.ContextOf(_sources[device]) ?? default;
            }

            return _ranges;
        }
    }

    public void Decode(in MaintenanceStep access, ShadowCommands commands)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            foreach (var (_, command) in _queue.Advance((uint)access.Value))
            {
                if (HasEffect(command))
                {
                    Decode(command, commands);
                }
            }
        }
        else if (access is { Kind: MaintenanceKind.RegisterRead, Address: Smmu3Register.CommandConsumer } && _hasSync)
        {
            // Without a CMD_SYNC, that a command was consumed says nothing. With one, a driver looks until it is, and goes on only then.
            _hasSync = false;
            commands.Complete();
        }
    }

    public void Stored(ulong address, ulong before, ulong after, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            var source = _sources[device];
            var reach = Has(_structures.PointerOf(source.StreamId), address) ? Reach.EntryPointer
                : Has(_structures.EntryOf(source.StreamId), address) ? Reach.Entry
                : Has(_structures.ContextPointerOf(source), address) ? Reach.ContextPointer
                : Reach.Context;
            Look(device, reach, commands);
        }
    }

    private static bool Has(TrackedRange? range, ulong address) => range is { } one && address - one.Address < one.Bytes;

    private void Look(int device, Reach reach, ShadowCommands commands)
    {
        var route = _structures.RouteOf(_sources[device]);
        if (route == _routes[device])
        {
            return;
        }

        _routes[device] = route;
        _changed[device] = reach > _changed[device] ? reach : _changed[device];
        if (route is var (space, root))
        {
            commands.StoreRoot(space, root);
        }

        commands.StoreRoute(device, route?.Space);
    }

    private bool HasEffect(in Smmu3Command command)
    {
        bool isInvalidation = command.Code is > Smmu3CommandCode.PrefetchAddress and < Smmu3CommandCode.DropDeviceTlb;
        if (_needsTwo && command.Code == Smmu3CommandCode.Sync)
        {
            _issued.UnionWith(_issuedSince);
            _issuedSince.Clear();
        }

        if (!_needsTwo || !isInvalidation || _issued.Remove(command))
        {
            return true;
        }

        _issuedSince.Add(command);
        return false;
    }

    /// <summary>What is remembered of a source goes, as far up as a command reaches.</summary>
    private void Drop(int device, Reach reach, ShadowCommands commands)
    {
        if (reach >= _changed[device])
        {
            _changed[device] = Reach.Nothing;
            commands.DropRoutes(device);
        }
    }

    private void DropStream(uint stream, bool isLeaf, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            if (_sources[device].StreamId == stream)
            {
                Drop(device, isLeaf ? Reach.Entry : Reach.EntryPointer, commands);
            }
            else if (!isLeaf
                && _changed[device] == Reach.EntryPointer
                && _structures.PointerOf(stream) == _structures.PointerOf(_sources[device].StreamId))
            {
                // The pointer is everybody's. What came by it is not dropped with it.
                _changed[device] = Reach.Entry;
            }
        }
    }

    private void DropContexts(in Smmu3Command command, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            bool isAll = command.Code == Smmu3CommandCode.DropContexts;
            if (_sources[device].StreamId == command.StreamId && (isAll || _sources[device].Substream == command.SubstreamId))
            {
                Drop(device, isAll || !command.IsLeaf ? Reach.ContextPointer : Reach.Context, commands);
            }
        }
    }

    private void DropDevice(in Smmu3Command command, ShadowCommands commands)
    {
        bool isAll = command.DeviceSize >= AllPages;
        ulong mask = isAll ? ulong.MaxValue : (PageBytes << command.DeviceSize) - 1;
        ulong first = command.Address & ~mask;
        for (int device = 0; device < _sources.Length; device++)
        {
            // With a PASID, what came without one stays, and the other way round.
            var source = _sources[device];
            bool isOfPasid = command.HasSubstream ? source.HasPasid && source.Substream == command.SubstreamId : !source.HasPasid;
            if (source.StreamId == command.StreamId && (command.IsGlobal || isOfPasid))
            {
                commands.DropDeviceTranslations(device, first, first | mask);
            }
        }
    }

    private void Decode(in Smmu3Command command, ShadowCommands commands)
    {
        switch (command.Code)
        {
            case Smmu3CommandCode.DropVa or Smmu3CommandCode.DropIpa:
                ulong bytes = command.Granule == 0
                    ? PageBytes
                    : ((ulong)(uint)command.Number + 1) << command.Scale << (10 + (2 * command.Granule));
                ulong last = command.Address + (bytes - 1);
                if (_isNested && command.Code == Smmu3CommandCode.DropIpa)
                {
                    _byIpa.Add((command.Vmid, command.Address, last, !command.IsLeaf));
                    break;
                }

                commands.DropTranslations(SpaceOf(command), command.Address, last, withTables: !command.IsLeaf);
                break;
            case Smmu3CommandCode.DropGuest:
                DropCombined(command.Vmid, commands);
                break;
            case Smmu3CommandCode.DropAsid or Smmu3CommandCode.DropVmid:
                commands.DropTranslations(SpaceOf(command), 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu3CommandCode.DropAllGuests:
                commands.DropTranslations(ShadowCommand.Every, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu3CommandCode.DropStreams when command.Range == AllStreams:
                Array.Clear(_changed);
                commands.DropRoutes(ShadowCommand.Every);
                break;
            case Smmu3CommandCode.DropStream:
                DropStream(command.StreamId, command.IsLeaf, commands);
                break;
            case Smmu3CommandCode.DropContext or Smmu3CommandCode.DropContexts:
                DropContexts(command, commands);
                break;
            case Smmu3CommandCode.DropDeviceTlb:
                DropDevice(command, commands);
                break;
            case Smmu3CommandCode.Sync:
                _hasSync = true;
                break;
        }
    }

    /// <summary>
    /// What was combined of a VMID goes. Of stage 2 only that is gone by then what went by IPA before: anything else would be combined again.
    /// </summary>
    private void DropCombined(int space, ShadowCommands commands)
    {
        foreach (var (_, first, last, hasTables) in _byIpa.Where(one => one.Space == space))
        {
            commands.DropTranslations(space, first, last, hasTables);
        }

        _byIpa.RemoveAll(one => one.Space == space);
    }

    private static int SpaceOf(in Smmu3Command command) =>
        command.Code is Smmu3CommandCode.DropIpa or Smmu3CommandCode.DropVmid ? command.Vmid : command.Asid;
}
