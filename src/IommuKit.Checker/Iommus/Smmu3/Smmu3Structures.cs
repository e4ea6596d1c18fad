using System.Buffers.Binary;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>The stream table of an SMMUv3, and the context descriptors, as memory holds them.</summary>
internal sealed class Smmu3Structures
{
    private const int UseFirst = 2;
    private const int SmallSplit = 6;
    private const int LargeSplit = 10;

    private readonly PhysicalMemory _memory;
    private readonly ulong _table;
    private readonly int _split;

    /// <summary>Looks at the table that a machine has by now.</summary>
    public Smmu3Structures(Smmu3Machine machine)
    {
        var model = machine.Model!;
        _memory = machine.Memory;
        _table = model.Read64(Smmu3Register.StreamTable) & 0x00ff_ffff_ffff_ffc0;
        uint config = model.Read32(Smmu3Register.StreamTableConfig);
        _split = config >> 16 == 0 ? 0 : (int)(config >> 6) & 0x1f;
    }

    /// <summary>Where the pointer to the table of the second level is that has a stream's entry; null if there is one level.</summary>
    public TrackedRange? PointerOf(uint stream) => _split == 0
        ? null
        : new(_table + ((stream >> _split) * (ulong)Smmu3StreamTableEntry.Bytes), Smmu3StreamTableEntry.Bytes);

    /// <summary>Where the entry of a stream is; null if there is none.</summary>
    public TrackedRange? EntryOf(uint stream)
    {
        ulong table = _table;
        uint index = stream;
        if (PointerOf(stream) is { } place)
        {
            var pointer = new Smmu3StreamTableEntry(Read(place.Address));
            index = stream & ((1u << _split) - 1);
            if (pointer.Span == 0 || index >> pointer.StreamsLog2 != 0)
            {
                return null;
            }

            table = pointer.Table;
        }

        return new(table + (index * (ulong)Smmu3StreamEntry.Bytes), Smmu3StreamEntry.Bytes);
    }

    /// <summary>Where the pointer to the table is that has the descriptor of a source; null if there is none.</summary>
    public TrackedRange? ContextPointerOf(Smmu3Source source)
    {
        if (StreamEntryOf(source.StreamId) is not { IsValid: true, Config: Smmu3StreamEntry.Stage1, ContextFormat: 1 or 2, SubstreamBits: > 0 } entry)
        {
            return null;
        }

        ulong index = source.Substream >> SplitOf(entry);
        return new(entry.ContextTable + (index * Smmu3ContextTableEntry.Bytes), Smmu3ContextTableEntry.Bytes);
    }

    /// <summary>Where the descriptor of a source is; null if it has no stage 1.</summary>
    public TrackedRange? ContextOf(Smmu3Source source)
    {
        if (StreamEntryOf(source.StreamId) is not { IsValid: true, Config: Smmu3StreamEntry.Stage1 } entry)
        {
            return null;
        }

        if (entry.SubstreamBits == 0)
        {
            return source.HasPasid ? null : new(entry.ContextTable, Smmu3ContextDescriptor.Bytes);
        }

        if (source.Substream >> entry.SubstreamBits != 0 || (!source.HasPasid && entry.DefaultSubstream != UseFirst))
        {
            return null;
        }

        ulong table = entry.ContextTable;
        uint index = source.Substream;
        if (ContextPointerOf(source) is { } place)
        {
            var pointer = new Smmu3ContextTableEntry(Read(place.Address));
            if (!pointer.IsValid)
            {
                return null;
            }

            table = pointer.Table;
            index &= (1u << SplitOf(entry)) - 1;
        }

        return new(table + (index * (ulong)Smmu3ContextDescriptor.Bytes), Smmu3ContextDescriptor.Bytes);
    }

    /// <summary>The ASID or VMID of a source and the root of its table; null if it has none.</summary>
    public (ushort Space, ulong Root)? RouteOf(Smmu3Source source)
    {
        // Of both stages, the second is the domain's, and the first a guest's.
        if (StreamEntryOf(source.StreamId) is { IsValid: true, Config: Smmu3StreamEntry.Stage2 or Smmu3StreamEntry.Nested } entry)
        {
            return (entry.Vmid, entry.Table);
        }

        if (ContextOf(source) is not { } range)
        {
            return null;
        }

        var context = new Smmu3ContextDescriptor(Read(range.Address), Read(range.Address + 8), 0, 0);
        return context.IsValid ? (context.Asid, context.Table(isUpper: false)) : null;
    }

    /// <summary>Reads a word as hardware sees it; 0 where there is no memory.</summary>
    public ulong Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return _memory.DeviceView.TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : 0;
    }

    private static int SplitOf(in Smmu3StreamEntry entry) => entry.ContextFormat == 1 ? SmallSplit : LargeSplit;

    private Smmu3StreamEntry? StreamEntryOf(uint stream) => EntryOf(stream) is { Address: var at }
        ? new Smmu3StreamEntry(Read(at), Read(at + 8), Read(at + 16), Read(at + 24))
        : null;
}
