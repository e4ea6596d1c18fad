using System.Buffers.Binary;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>The stream table of an SMMUv3, and the context descriptors of streams without substreams, as memory holds them.</summary>
internal sealed class Smmu3Structures
{
    private const uint LinearTable = 0;

    private readonly PhysicalMemory _memory;
    private readonly ulong _table;

    /// <summary>Looks at the table that a machine has by now.</summary>
    public Smmu3Structures(Smmu3Machine machine)
    {
        var model = machine.Model!;
        _memory = machine.Memory;
        _table = model.Read64(Smmu3Register.StreamTable) & 0x00ff_ffff_ffff_ffc0;
        if (model.Read32(Smmu3Register.StreamTableConfig) >> 16 != LinearTable)
        {
            throw new InvalidOperationException("The stream table has two levels, which the checker does not follow.");
        }
    }

    /// <summary>Where the entry of a stream is.</summary>
    public TrackedRange EntryOf(uint stream) => new(_table + (stream * (ulong)Smmu3StreamEntry.Bytes), Smmu3StreamEntry.Bytes);

    /// <summary>Where the descriptor of what a stream sends without a substream is; null if it has no stage 1.</summary>
    public TrackedRange? ContextOf(uint stream)
    {
        var entry = new Smmu3StreamEntry(Read(EntryOf(stream).Address), 0, 0, 0);
        return entry is { IsValid: true, Config: Smmu3StreamEntry.Stage1 } ? new(entry.ContextTable, Smmu3ContextDescriptor.Bytes) : null;
    }

    /// <summary>The ASID or VMID of a stream and the root of its table; null if it has none.</summary>
    public (ushort Space, ulong Root)? RouteOf(uint stream)
    {
        ulong at = EntryOf(stream).Address;
        var entry = new Smmu3StreamEntry(Read(at), 0, Read(at + 16), Read(at + 24));
        if (entry is { IsValid: true, Config: Smmu3StreamEntry.Stage2 })
        {
            return (entry.Vmid, entry.Table);
        }

        if (ContextOf(stream) is not { } range)
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
}
