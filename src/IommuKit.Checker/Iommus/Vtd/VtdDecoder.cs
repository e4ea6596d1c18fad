using System.Buffers.Binary;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>
/// Reads what a driver tells a VT-d unit in legacy mode: descriptors when the tail is written, context entries when they are stored. An address space
/// is a domain id.
/// </summary>
internal sealed class VtdDecoder : ICommandDecoder
{
    private readonly PhysicalMemory _memory;
    private readonly ushort[] _sources;
    private readonly bool _hasCachingMode;
    private readonly ulong _root;
    private readonly VtdQueueCursor _queue;
    private readonly TrackedRange[] _ranges;

    // Of each device: where its entry is, and what it was when it was looked at last.
    private readonly ulong[] _contexts;
    private readonly VtdContextEntry[] _entries;

    // Status words of waits that were handed over, and the numbers that they will hold.
    private readonly Dictionary<ulong, uint> _waits = [];

    /// <summary>Begins where the driver is by now.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="sources">The source ids of the devices that matter; their place in the list is their number.</param>
    public VtdDecoder(VtdMachine machine, IEnumerable<ushort> sources)
    {
        var model = machine.Model!;
        _memory = machine.Memory;
        _sources = [.. sources];
        _hasCachingMode = model.Unit.Capability.CachingMode;
        _root = model.Read64(VtdRegister.RootTable) & VtdRootEntry.AddressMask;
        _queue = new VtdQueueCursor(machine);
        _contexts = new ulong[_sources.Length];
        _entries = new VtdContextEntry[_sources.Length];

        // The root entries, and behind them what these point to.
        _ranges = [.. _sources.Select(RootOf), .. _sources.Select(RootOf)];
    }

    public IReadOnlyList<TrackedRange> Structures
    {
        get
        {
            for (int device = 0; device < _sources.Length; device++)
            {
                ulong table = Read(RootOf(_sources[device]).Address);
                _contexts[device] = (table & VtdRootEntry.Present) == 0
                    ? 0
                    : (table & VtdRootEntry.AddressMask) + ((ulong)(_sources[device] & 0xff) * VtdContextEntry.Bytes);
                _ranges[_sources.Length + device] = _contexts[device] == 0
                    ? RootOf(_sources[device])
                    : new TrackedRange(_contexts[device], VtdContextEntry.Bytes);
            }

            return _ranges;
        }
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
        for (int device = 0; device < _contexts.Length; device++)
        {
            if (_contexts[device] != 0 && address - _contexts[device] < VtdContextEntry.Bytes)
            {
                Look(device, commands);
            }
        }
    }

    private void Look(int device, ShadowCommands commands)
    {
        var entry = new VtdContextEntry(Read(_contexts[device]), Read(_contexts[device] + sizeof(ulong)));
        if (entry == _entries[device])
        {
            return;
        }

        _entries[device] = entry;
        if (entry.IsPresent)
        {
            commands.StoreRoot(entry.DomainId, entry.SecondStage);
            commands.StoreRoute(device, entry.DomainId);
        }
        else
        {
            commands.StoreRoute(device, null);
        }
    }

    private void Decode(in VtdInvalidationDescriptor descriptor, ShadowCommands commands)
    {
        switch (descriptor.Type)
        {
            case VtdInvalidationType.Iotlb:
                int space = descriptor.Granularity == VtdGranularity.Global ? ShadowCommand.Every : descriptor.DomainId;
                if (descriptor.Granularity == VtdGranularity.Selective)
                {
                    commands.DropTranslations(space, descriptor.Address, descriptor.LastAddress, withTables: !descriptor.InvalidationHint);
                }
                else
                {
                    commands.DropTranslations(space, 0, ulong.MaxValue, withTables: true);
                }

                break;
            case VtdInvalidationType.ContextCache:
                DropContexts(descriptor, commands);
                break;
            case VtdInvalidationType.Wait when descriptor.WritesStatus:
                _waits[descriptor.StatusAddress] = descriptor.StatusData;
                break;
        }
    }

    private void DropContexts(in VtdInvalidationDescriptor descriptor, ShadowCommands commands)
    {
        for (int device = 0; device < _sources.Length; device++)
        {
            // What is remembered has the id of when it was present, which stays in the entry until it is told to go; what is not present has id 0.
            bool isOfDomain = descriptor.DomainId == _entries[device].DomainId || (_hasCachingMode && descriptor.DomainId == 0);
            bool isMeant = descriptor.Granularity switch
            {
                VtdGranularity.Global => true,
                VtdGranularity.Domain => isOfDomain,
                VtdGranularity.Selective => isOfDomain && ((descriptor.SourceId ^ _sources[device]) & ~MaskOf(descriptor.FunctionMask)) == 0,
                _ => false,
            };
            if (isMeant)
            {
                commands.DropRoutes(device);
            }
        }
    }

    // FM: 0 to 3 of the function's bits, from the highest on, are not compared.
    private static int MaskOf(int functionMask) => functionMask switch { 1 => 4, 2 => 6, 3 => 7, _ => 0 };

    private TrackedRange RootOf(ushort source) => new(_root + ((ulong)(source >> 8) * VtdRootEntry.Bytes), VtdRootEntry.Bytes);

    private ulong Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return _memory.DeviceView.TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : 0;
    }
}
