using System.Numerics;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// The context descriptors of a device. Without PASIDs there are two places for the one that it has, which take turns, so that a stream changes its
/// address space by one quadword; with PASIDs there is a table, of two levels if it is large.
/// </summary>
internal sealed class Smmu3ContextTable
{
    private const int EntryLog2 = 6;
    private const int PointerLog2 = 3;
    private const int Split = 10;
    private const ulong TwoLevelFormat = 2 << 4;
    private const int MaxShift = 59;

    // What one block of the allocator holds.
    private const int MostLinearBits = 12;

    private readonly Smmu3Blocks _blocks;
    private readonly Smmu3CommandQueue _queue;
    private readonly uint _stream;
    private readonly ulong _base;
    private readonly int _bits;
    private readonly bool _hasTwoLevels;
    private ulong _first;

    /// <summary>Makes a table without descriptors.</summary>
    /// <exception cref="ArgumentException">The device has more PASIDs than the SMMU has SubstreamIDs, or than fit into its table.</exception>
    public Smmu3ContextTable(Smmu3Blocks blocks, Smmu3CommandQueue queue, Smmu3Unit unit, Smmu3Client stream)
    {
        _blocks = blocks;
        _queue = queue;
        _stream = stream.StreamId;
        _bits = stream.Pasids <= 1 ? stream.Pasids : BitOperations.Log2((uint)stream.Pasids - 1) + 1;
        _hasTwoLevels = _bits > Split && unit.HasTwoLevelContexts;
        int most = Math.Min(unit.SubstreamBits, _hasTwoLevels ? int.MaxValue : MostLinearBits);
        if (_bits > most)
        {
            throw new ArgumentException($"{stream.Name} cannot have {stream.Pasids} PASIDs: its table has {most} bits at most.", nameof(stream));
        }

        _base = blocks.Take(_hasTwoLevels ? _bits - Split + PointerLog2 : _bits + EntryLog2);
        _first = _base;
    }

    /// <summary>Whether there are SubstreamIDs.</summary>
    public bool HasSubstreams => _bits != 0;

    /// <summary>What the stream table entry has to say of the table: S1ContextPtr, S1Fmt and S1CDMax.</summary>
    public ulong Pointer => HasSubstreams
        ? _base | (_hasTwoLevels ? TwoLevelFormat : 0) | ((ulong)_bits << MaxShift)
        : _first;

    /// <summary>
    /// Prepares the descriptor of what comes without a PASID. Without substreams it is in effect when the stream points here, with them at once.
    /// </summary>
    /// <param name="context">The descriptor.</param>
    /// <param name="used">Where the stream points to now.</param>
    public void SetFirst(in Smmu3ContextDescriptor context, ulong used)
    {
        if (HasSubstreams)
        {
            Set(0, context);
            return;
        }

        // Hardware does not look at the other place, and remembers nothing of it since the stream last changed.
        _first = used == _base ? _base + Smmu3ContextDescriptor.Bytes : _base;
        ReadOnlySpan<ulong> words = [context.W0, context.W1, context.W2, context.W3];
        for (int i = 0; i < words.Length; i++)
        {
            _blocks.Store(_first + ((ulong)i * sizeof(ulong)), words[i]);
        }

        _blocks.Publish(_first, Smmu3ContextDescriptor.Bytes);
    }

    /// <summary>Removes the descriptor of what comes without a PASID, to which the stream does not lead any more.</summary>
    public void ClearFirst()
    {
        if (HasSubstreams)
        {
            Set(0, default);
        }
    }

    /// <summary>Sets the descriptor of a substream; the default value removes it.</summary>
    /// <exception cref="IommuException">There is no memory for a table (ENOMEM).</exception>
    public void Set(int substream, in Smmu3ContextDescriptor context)
    {
        if (_hasTwoLevels)
        {
            Prepare(substream);
        }

        var entry = new Smmu3EntryAt(_blocks, _queue, AddressOf(substream), Smmu3Command.DropContext(_stream, (uint)substream));
        Smmu3EntryUpdate.Apply(ref entry, Smmu3EntryKind.Context, [context.W0, context.W1, context.W2, context.W3]);
    }

    private ulong PointerOf(int substream) => _base + ((ulong)(substream >> Split) << PointerLog2);

    private ulong AddressOf(int substream) => _hasTwoLevels
        ? new Smmu3ContextTableEntry(_blocks.Load(PointerOf(substream))).Table + ((ulong)(substream & ((1 << Split) - 1)) << EntryLog2)
        : _base + ((ulong)substream << EntryLog2);

    private void Prepare(int substream)
    {
        if (_blocks.Load(PointerOf(substream)) != 0)
        {
            return;
        }

        // The table is visible before the pointer to it; that there was none may be remembered.
        ulong table = _blocks.Take(Split + EntryLog2);
        _blocks.Store(PointerOf(substream), table | 1);
        _blocks.Publish(PointerOf(substream), sizeof(ulong));
        _queue.PushAndWait(Smmu3Command.DropContext(_stream, (uint)substream, leaf: false));
    }
}
