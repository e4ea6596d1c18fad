using System.Numerics;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>The stream table: linear, or of two levels with second-level tables only where there are devices.</summary>
internal sealed class Smmu3StreamTable
{
    private const int EntryLog2 = 6;
    private const int PointerLog2 = 3;
    private const int Split = 8;
    private const uint IndexMask = (1u << Split) - 1;
    private const int FormatShift = 16;
    private const int SplitShift = 6;

    // What one block of the allocator holds.
    private const int MostLinearBits = 12;
    private const int MostTwoLevelBits = 15 + Split;

    private readonly Smmu3Blocks _blocks;
    private readonly bool _hasTwoLevels;
    private readonly uint[] _streams;

    /// <summary>Makes a table by which everything of everybody is aborted. No hardware looks at it yet.</summary>
    /// <param name="blocks">Memory.</param>
    /// <param name="unit">The SMMU.</param>
    /// <param name="streams">The devices.</param>
    /// <param name="options">Whether it may have two levels, and when the second comes.</param>
    /// <exception cref="ArgumentException">A StreamID is too large.</exception>
    public Smmu3StreamTable(Smmu3Blocks blocks, Smmu3Unit unit, IReadOnlyList<Smmu3Client> streams, Smmu3DriverOptions options)
    {
        _blocks = blocks;
        uint largest = streams.Max(stream => stream.StreamId);
        int bits = largest == 0 ? 0 : BitOperations.Log2(largest) + 1;
        _hasTwoLevels = options.UsesTwoLevelStreams && unit.HasTwoLevelStreams && bits > Split;
        int most = Math.Min(unit.StreamBits, _hasTwoLevels ? MostTwoLevelBits : MostLinearBits);
        if (bits > most)
        {
            throw new ArgumentException($"StreamID 0x{largest:x} has more than the {most} bits that the table can have.", nameof(streams));
        }

        Base = blocks.Take(_hasTwoLevels ? bits - Split + PointerLog2 : bits + EntryLog2);
        Config = (uint)bits | (_hasTwoLevels ? (Split << SplitShift) | (1u << FormatShift) : 0);
        _streams = [.. streams.Select(stream => stream.StreamId)];
        if (!_hasTwoLevels)
        {
            Abort(Base, _ => true);
            blocks.Publish(Base, 1ul << (bits + EntryLog2));
        }
        else if (!options.MakesStreamTablesLate)
        {
            foreach (uint stream in _streams.Where(stream => Find(stream) is null))
            {
                AddTable(stream, Smmu3Entries.Abort);
            }
        }
    }

    /// <summary>Where the table, or its first level, is.</summary>
    public ulong Base { get; }

    /// <summary>What STRTAB_BASE_CFG has to be.</summary>
    public uint Config { get; }

    /// <summary>Where the entry of a device is; null if there is no table for it yet, and everything of it is aborted.</summary>
    public ulong? Find(uint stream)
    {
        if (!_hasTwoLevels)
        {
            return EntryIn(Base, stream);
        }

        var pointer = new Smmu3StreamTableEntry(_blocks.Load(PointerOf(stream)));
        return pointer.Span == 0 ? null : EntryIn(pointer.Table, stream & IndexMask);
    }

    /// <summary>Adds the second-level table that a device needs, with its entry. Hardware may remember that there was none.</summary>
    /// <exception cref="IommuException">There is no memory (ENOMEM).</exception>
    public void AddTable(uint stream, in Smmu3StreamEntry entry)
    {
        ulong table = _blocks.Take(Split + EntryLog2);
        Abort(table, other => other >> Split == stream >> Split && other != stream);
        ulong place = EntryIn(table, stream & IndexMask);
        ReadOnlySpan<ulong> words = [entry.W0, entry.W1, entry.W2, entry.W3];
        for (int i = 0; i < words.Length; i++)
        {
            _blocks.Store(place + ((ulong)i * sizeof(ulong)), words[i]);
        }

        // The table is visible before the pointer to it: whoever came by that to what was in this memory before would go by it for good.
        _blocks.Publish(table, 1ul << (Split + EntryLog2));
        _blocks.Store(PointerOf(stream), table | (Split + 1));
        _blocks.Publish(PointerOf(stream), sizeof(ulong));
    }

    private static ulong EntryIn(ulong table, uint index) => table + ((ulong)index << EntryLog2);

    private ulong PointerOf(uint stream) => Base + ((ulong)(stream >> Split) << PointerLog2);

    /// <summary>In a table that is not in use, makes the entries of some devices such as abort everything.</summary>
    private void Abort(ulong table, Func<uint, bool> isMeant)
    {
        foreach (uint stream in _streams.Where(isMeant))
        {
            _blocks.Store(EntryIn(table, _hasTwoLevels ? stream & IndexMask : stream), Smmu3Entries.Abort.W0);
        }
    }
}
