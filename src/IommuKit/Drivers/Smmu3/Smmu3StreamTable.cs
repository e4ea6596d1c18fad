using System.Numerics;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>The stream table: linear, or of two levels with second-level tables only where there are devices.</summary>
internal sealed class Smmu3StreamTable
{
    private const int EntryLog2 = 6;
    private const int PointerLog2 = 3;
    private const int Split = 8;
    private const int FormatShift = 16;
    private const int SplitShift = 6;

    // What one block of the allocator holds.
    private const int MostLinearBits = 12;
    private const int MostTwoLevelBits = 15 + Split;

    private readonly Smmu3Blocks _blocks;
    private readonly bool _hasTwoLevels;

    /// <summary>Makes a table in which everything of the devices is aborted, and nothing else is valid. No hardware looks at it yet.</summary>
    /// <param name="blocks">Memory.</param>
    /// <param name="unit">The SMMU.</param>
    /// <param name="streams">The devices.</param>
    /// <param name="allowsTwoLevels">Whether it may have two levels.</param>
    /// <exception cref="ArgumentException">A StreamID is too large.</exception>
    public Smmu3StreamTable(Smmu3Blocks blocks, Smmu3Unit unit, IReadOnlyList<Smmu3Client> streams, bool allowsTwoLevels)
    {
        _blocks = blocks;
        uint largest = streams.Max(stream => stream.StreamId);
        int bits = largest == 0 ? 0 : BitOperations.Log2(largest) + 1;
        _hasTwoLevels = allowsTwoLevels && unit.HasTwoLevelStreams && bits > Split;
        int most = Math.Min(unit.StreamBits, _hasTwoLevels ? MostTwoLevelBits : MostLinearBits);
        if (bits > most)
        {
            throw new ArgumentException($"StreamID 0x{largest:x} has more than the {most} bits that the table can have.", nameof(streams));
        }

        Base = blocks.Take(_hasTwoLevels ? bits - Split + PointerLog2 : bits + EntryLog2);
        Config = (uint)bits | (_hasTwoLevels ? (Split << SplitShift) | (1u << FormatShift) : 0);
        foreach (var stream in streams)
        {
            Prepare(stream.StreamId);
        }
    }

    /// <summary>Where the table, or its first level, is.</summary>
    public ulong Base { get; }

    /// <summary>What STRTAB_BASE_CFG has to be.</summary>
    public uint Config { get; }

    /// <summary>Where the entry of a device is.</summary>
    public ulong AddressOf(uint stream) => _hasTwoLevels
        ? new Smmu3StreamTableEntry(_blocks.Load(PointerOf(stream))).Table + ((ulong)(stream & ((1u << Split) - 1)) << EntryLog2)
        : Base + ((ulong)stream << EntryLog2);

    private ulong PointerOf(uint stream) => Base + ((ulong)(stream >> Split) << PointerLog2);

    private void Prepare(uint stream)
    {
        if (_hasTwoLevels && _blocks.Load(PointerOf(stream)) == 0)
        {
            // The table is visible before the pointer to it.
            ulong table = _blocks.Take(Split + EntryLog2);
            _blocks.Store(PointerOf(stream), table | (Split + 1));
            _blocks.Publish(PointerOf(stream), sizeof(ulong));
        }

        ulong address = AddressOf(stream);
        _blocks.Store(address, Smmu3Entries.Abort.W0);
        _blocks.Publish(address, sizeof(ulong));
    }
}
