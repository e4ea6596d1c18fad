using System.Buffers.Binary;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// Reads what a driver tells an SMMUv3 at stage 1 (IHI 0070): commands when their doorbell is rung, stream table entries and context descriptors when they
/// are stored. An address space is an ASID.
/// </summary>
internal sealed class Smmu3Decoder : ICommandDecoder
{
    private const ulong PageBytes = 4096;
    private const uint LinearTable = 0;

    private readonly PhysicalMemory _memory;
    private readonly uint[] _streams;
    private readonly ulong _table;
    private readonly Smmu3QueueCursor _queue;

    // The stream table entries, and behind them the descriptors that these point to.
    private readonly TrackedRange[] _ranges;
    private readonly (ushort? Space, ulong Root)[] _routes;

    // Whether a CMD_SYNC was handed over since somebody last looked how far the queue is.
    private bool _hasSync;

    /// <summary>Begins where the driver is by now.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="streams">The StreamIDs of the devices that matter; their place in the list is their number.</param>
    public Smmu3Decoder(Smmu3Machine machine, IEnumerable<uint> streams)
    {
        var model = machine.Model!;
        _memory = machine.Memory;
        _streams = [.. streams];
        _table = model.Read64(Smmu3Register.StreamTable) & 0x00ff_ffff_ffff_ffc0;
        if (model.Read32(Smmu3Register.StreamTableConfig) >> 16 != LinearTable)
        {
            throw new InvalidOperationException("The stream table has two levels, which the checker does not follow.");
        }

        _queue = new Smmu3QueueCursor(machine);
        _routes = new (ushort?, ulong)[_streams.Length];
        _ranges = [.. _streams.Select(EntryOf), .. _streams.Select(EntryOf)];
    }

    public IReadOnlyList<TrackedRange> Structures
    {
        get
        {
            for (int device = 0; device < _streams.Length; device++)
            {
                ulong context = ContextOf(device);
                _ranges[_streams.Length + device] = context == 0
                    ? EntryOf(_streams[device])
                    : new TrackedRange(context, Smmu3ContextDescriptor.Bytes);
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
            // A driver goes on when its CMD_SYNC is consumed, and looks until then.
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
        ulong at = ContextOf(device);
        (ushort? Space, ulong Root) route = default;
        if (at != 0)
        {
            var context = new Smmu3ContextDescriptor(Read(at), Read(at + sizeof(ulong)), 0, 0);
            route = context.IsValid ? (context.Asid, context.Table(isUpper: false)) : default;
        }

        if (route == _routes[device])
        {
            return;
        }

        _routes[device] = route;
        if (route.Space is { } space)
        {
            commands.StoreRoot(space, route.Root);
        }

        commands.StoreRoute(device, route.Space);
    }

    private void Decode(in Smmu3Command command, ShadowCommands commands)
    {
        switch (command.Code)
        {
            case Smmu3CommandCode.DropVa:
                ulong bytes = command.Granule == 0
                    ? PageBytes
                    : ((ulong)(uint)command.Number + 1) << command.Scale << (10 + (2 * command.Granule));
                commands.DropTranslations(command.Asid, command.Address, command.Address + (bytes - 1), withTables: !command.IsLeaf);
                break;
            case Smmu3CommandCode.DropAsid:
                commands.DropTranslations(command.Asid, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu3CommandCode.DropGuest or Smmu3CommandCode.DropAllGuests:
                commands.DropTranslations(ShadowCommand.Every, 0, ulong.MaxValue, withTables: true);
                break;
            case Smmu3CommandCode.DropStreams when command.Range == 31:
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

    /// <summary>The descriptor of what a device sends without a substream; 0 if its stream has no stage 1.</summary>
    private ulong ContextOf(int device)
    {
        var entry = new Smmu3StreamEntry(Read(EntryOf(_streams[device]).Address), 0, 0, 0);
        return entry is { IsValid: true, Config: Smmu3StreamEntry.Stage1 } ? entry.ContextTable : 0;
    }

    private TrackedRange EntryOf(uint stream) => new(_table + (stream * (ulong)Smmu3StreamEntry.Bytes), Smmu3StreamEntry.Bytes);

    private ulong Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return _memory.DeviceView.TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : 0;
    }
}
