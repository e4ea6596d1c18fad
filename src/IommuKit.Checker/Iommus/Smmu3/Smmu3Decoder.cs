using IommuKit.Checker.Shadow;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// Reads what a driver tells an SMMUv3 (IHI 0070): commands when their doorbell is rung, stream table entries and context descriptors when they are
/// stored. An address space is an ASID at stage 1, and a VMID at stage 2.
/// </summary>
internal sealed class Smmu3Decoder : ICommandDecoder
{
    private const int AllStreams = 31;
    private const ulong PageBytes = 4096;

    private readonly uint[] _streams;
    private readonly Smmu3Structures _structures;
    private readonly Smmu3CommandCursor _queue;
    private readonly TrackedRange[] _ranges;
    private readonly (ushort Space, ulong Root)?[] _routes;

    // Whether a CMD_SYNC was handed over since somebody last looked how far the queue is.
    private bool _hasSync;

    /// <summary>Begins where the driver is by now.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="streams">The StreamIDs of the devices that matter; their place in the list is their number.</param>
    public Smmu3Decoder(Smmu3Machine machine, IEnumerable<uint> streams)
    {
        _streams = [.. streams];
        _structures = new Smmu3Structures(machine);
        _queue = new Smmu3CommandCursor(machine);
        _routes = new (ushort, ulong)?[_streams.Length];

        // The stream table entries, and behind them the descriptors that these point to.
        _ranges = [.. _streams.Select(_structures.EntryOf), .. _streams.Select(_structures.EntryOf)];
    }

    public IReadOnlyList<TrackedRange> Structures
    {
        get
        {
            for (int device = 0; device < _streams.Length; device++)
            {
                _ranges[_streams.Length + device] = _structures.ContextOf(_streams[device]) ?? _structures.EntryOf(_streams[device]);
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
                Decode(command, commands);
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
        for (int device = 0; device < _streams.Length; device++)
        {
            Look(device, commands);
        }
    }

    private void Look(int device, ShadowCommands commands)
    {
        var route = _structures.RouteOf(_streams[device]);
        if (route == _routes[device])
        {
            return;
        }

        _routes[device] = route;
        if (route is var (space, root))
        {
            commands.StoreRoot(space, root);
        }

        commands.StoreRoute(device, route?.Space);
    }

    private void Decode(in Smmu3Command command, ShadowCommands commands)
    {
        switch (command.Code)
        {
            case Smmu3CommandCode.DropVa or Smmu3CommandCode.DropIpa:
                ulong bytes = command.Granule == 0
                    ? PageBytes
                    : ((ulong)(uint)command.Number + 1) << command.Scale << (10 + (2 * command.Granule));
                commands.DropTranslations(SpaceOf(command), command.Address, command.Address + (bytes - 1), withTables: !command.IsLeaf);
                break;
            case Smmu3CommandCode.DropAsid or Smmu3CommandCode.DropVmid:
                commands.DropTranslations(SpaceOf(command), 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu3CommandCode.DropAllGuests:
                commands.DropTranslations(ShadowCommand.Every, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu3CommandCode.DropStreams when command.Range == AllStreams:
                commands.DropRoutes(ShadowCommand.Every);
                break;
            case Smmu3CommandCode.DropStream or Smmu3CommandCode.DropContext or Smmu3CommandCode.DropContexts:
                int device = Array.IndexOf(_streams, command.StreamId);
                if (device >= 0)
                {
                    commands.DropRoutes(device);
                }

                break;
            case Smmu3CommandCode.Sync:
                _hasSync = true;
                break;
        }
    }

    private static int SpaceOf(in Smmu3Command command) =>
        command.Code is Smmu3CommandCode.DropIpa or Smmu3CommandCode.DropVmid ? command.Vmid : command.Asid;
}
