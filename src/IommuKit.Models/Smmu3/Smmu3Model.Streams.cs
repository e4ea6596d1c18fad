using System.Buffers.Binary;
using IommuKit.Models.Caches;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Stream table entries and context descriptors, and their caches (IHI 0070, chapter 5).</content>
public sealed partial class Smmu3Model<TMemory>
{
    // What a look-up says that may not read memory, and would have to.
    private const Smmu3EventType NeedsLock = (Smmu3EventType)(-1);

    // The space of a cached entry has an event in these bits, if the entry is invalid or illegal.
    private const int StatusShift = 48;

    private int Split => ((_streamTableConfig >> 16) & 3) == 1 ? ((int)(_streamTableConfig >> 6) & 0x1f) switch { 8 => 8, 10 => 10, _ => 6 } : 32;

    private static Smmu3EventType StatusOf(ulong space) => (Smmu3EventType)(byte)(space >> StatusShift);

    /// <summary>The stream table entry of a stream.</summary>
    private Smmu3EventType FindStream(uint stream, bool mayRead, Scope scope, out Smmu3StreamEntry found)
    {
        if (_streams.TryFind(stream, HardwareCache.Valid, HardwareCache.Valid, out var entry))
        {
            found = new Smmu3StreamEntry(entry.A, entry.B, entry.C, entry.D);
            return StatusOf(entry.Space);
        }

        if (!mayRead)
        {
            found = default;
            return NeedsLock;
        }

        var status = ReadStream(stream, scope, out found);
        if (status == Smmu3EventType.None || (status == Smmu3EventType.BadStream && _options.CachesInvalidConfiguration))
        {
            AddConfiguration(_streams, stream, 0, status, found.W0, found.W1, found.W2, found.W3, scope);
        }

        return status;
    }

    private void AddConfiguration(
        HardwareCache cache, ulong key, ulong space, Smmu3EventType status, ulong a, ulong b, ulong c, ulong d, Scope scope)
    {
        if (IsUndisturbed(scope))
        {
            cache.Add(new CacheEntry
            {
                Key = key,
                Space = HardwareCache.Valid | ((ulong)status << StatusShift) | space,
                Mask = ulong.MaxValue,
                A = a,
                B = b,
                C = c,
                D = d,
            });
        }
    }

    private Smmu3EventType ReadStream(uint stream, Scope scope, out Smmu3StreamEntry entry)
    {
        entry = default;
        int bits = Math.Min((int)_streamTableConfig & 0x3f, _unit.StreamBits);
        if ((ulong)stream >> bits != 0)
        {
            return Smmu3EventType.BadStreamId;
        }

        int split = Split;
        ulong table = _streamTable & 0x00ff_ffff_ffff_ffc0;
        ulong address;
        if (split == 32)
        {
            address = (table & (ulong.MaxValue << (bits + 6))) + ((ulong)stream * Smmu3StreamEntry.Bytes);
        }
        else
        {
            var status = FindStreamTable(stream, split, table & (ulong.MaxValue << Math.Max(bits - split + 3, 6)), scope, out ulong low);
            if (status != Smmu3EventType.None)
            {
                return status;
            }

            // The low bits of the cached word are log2 of the table's entries.
            uint index = stream & ((1u << split) - 1);
            if (index >> (int)(low & 0x3f) != 0)
            {
                return Smmu3EventType.BadStreamId;
            }

            address = (low & ~0x3ful) + ((ulong)index * Smmu3StreamEntry.Bytes);
        }

        Span<byte> bytes = stackalloc byte[Smmu3StreamEntry.Bytes];
        if (!TryReadStructure(address, bytes))
        {
            return Fetching(address, Smmu3EventType.StreamFetch);
        }

        entry = new Smmu3StreamEntry(Word(bytes, 0), Word(bytes, 1), Word(bytes, 2), Word(bytes, 3));
        return IsLegal(entry) ? Smmu3EventType.None : Smmu3EventType.BadStream;
    }

    private Smmu3EventType FindStreamTable(uint stream, int split, ulong table, Scope scope, out ulong found)
    {
        ulong key = stream >> split;
        if (_streamTables.TryFind(key, HardwareCache.Valid, HardwareCache.Valid, out var entry))
        {
            found = entry.A;
            return Smmu3EventType.None;
        }

        found = 0;
        ulong address = table + (key * Smmu3StreamTableEntry.Bytes);
        Span<byte> bytes = stackalloc byte[Smmu3StreamTableEntry.Bytes];
        if (!TryReadStructure(address, bytes))
        {
            return Fetching(address, Smmu3EventType.StreamFetch);
        }

        var pointer = new Smmu3StreamTableEntry(Word(bytes, 0));
        if (pointer.Span is 0 or > Smmu3StreamTableEntry.MaxSpan || pointer.Span > split + 1)
        {
            return Smmu3EventType.BadStreamId;
        }

        found = pointer.Table | (uint)pointer.StreamsLog2;
        AddConfiguration(_streamTables, key, 0, Smmu3EventType.None, found, 0, 0, 0, scope);
        return Smmu3EventType.None;
    }

    /// <summary>Whether an entry is one that the architecture allows. Only what is used is looked at.</summary>
    private bool IsLegal(in Smmu3StreamEntry entry)
    {
        if (!entry.IsValid)
        {
            return false;
        }

        if (entry.Config <= Smmu3StreamEntry.Bypass)
        {
            return true;
        }

        bool hasFirst = (entry.Config & 1) != 0;
        bool hasSecond = (entry.Config & 2) != 0;
        if ((hasFirst && !_unit.HasStage1) || (hasSecond && !_unit.HasStage2))
        {
            return false;
        }

        if (_unit.HasAts)
        {
            bool isPossible = entry.Ats switch
            {
                1 => !hasSecond || !entry.Stalls,
                2 => hasFirst && hasSecond && !entry.Stalls && _unit.HasSplitStageAts,
                _ => true,
            };
            if (!isPossible)
            {
                return false;
            }
        }

        // Translations of EL1 are tagged with the VMID where the SMMU has a stage 2, whether or not the stream uses it.
        bool isVmidLegal = _unit.HasWideVmid || entry.Vmid <= byte.MaxValue || !_unit.HasStage2 || KindOf(entry) != GuestKind;
        return isVmidLegal && (!hasFirst || IsFirstLegal(entry, hasSecond)) && (!hasSecond || IsSecondLegal(entry));
    }

    private bool IsFirstLegal(in Smmu3StreamEntry entry, bool hasSecond)
    {
        bool isWorldLegal = hasSecond || !_unit.HasHypervisor || (entry.World & 1) == 0;
        bool isFormatLegal = entry.SubstreamBits == 0 || entry.ContextFormat is 0 or 3 || _unit.HasTwoLevelContexts;

        // Where stage 2 is on, this is one of its input addresses, which have as many bits at the most.
        return isWorldLegal
            && isFormatLegal
            && entry.SubstreamBits <= _unit.SubstreamBits
            && (!entry.DisablesStalls || _unit.StallModel == 0)
            && !IsTooWide(entry.ContextTable);
    }

    private bool IsSecondLegal(in Smmu3StreamEntry entry) =>
        (entry.Stalls ? _unit.StallModel != 1 : _unit.StallModel != 2)
        && entry.IsAarch64
        && (entry.IsBigEndian ? _unit.HasBigEndianTables : _unit.HasLittleEndianTables)
        && (!entry.SetsAccessFlag || _unit.SetsAccessFlag)
        && (!entry.SetsDirtyState || _unit.SetsDirtyState)
        && Smmu3Stage.TryCreate(_unit, entry, out _);

    /// <summary>The context descriptor of a stream, or of one of its substreams, which is within its table.</summary>
    private Smmu3EventType FindContext(
        uint stream, uint substream, in Smmu3StreamEntry entry, bool mayRead, Scope scope, out Smmu3ContextDescriptor found)
    {
        ulong key = ContextKey(stream, substream);
        if (_contexts.TryFind(key, HardwareCache.Valid, HardwareCache.Valid, out var cached))
        {
            found = new Smmu3ContextDescriptor(cached.A, cached.B, cached.C, cached.D);
            return StatusOf(cached.Space);
        }

        if (!mayRead)
        {
            found = default;
            return NeedsLock;
        }

        var status = ReadContext(stream, substream, entry, scope, out found);
        if (status == Smmu3EventType.None || (status == Smmu3EventType.BadContext && _options.CachesInvalidConfiguration))
        {
            AddConfiguration(_contexts, key, stream, status, found.W0, found.W1, found.W2, found.W3, scope);
        }

        return status;
    }

    private Smmu3EventType ReadContext(
        uint stream, uint substream, in Smmu3StreamEntry entry, Scope scope, out Smmu3ContextDescriptor context)
    {
        context = default;
        ulong address = entry.ContextTable;
        if (entry.SubstreamBits != 0)
        {
            int split = entry.ContextFormat switch { 1 => 6, 2 => 10, _ => 0 };
            if (split == 0)
            {
                address = (address & (ulong.MaxValue << (entry.SubstreamBits + 6))) + ((ulong)substream * Smmu3ContextDescriptor.Bytes);
            }
            else
            {
                ulong table = address & (ulong.MaxValue << Math.Max(entry.SubstreamBits - split + 3, 6));
                var status = FindContextTable(stream, substream >> split, table, entry, scope, out ulong low);
                if (status != Smmu3EventType.None)
                {
                    return status;
                }

                address = (low & (ulong.MaxValue << (split + 6))) + ((ulong)(substream & ((1u << split) - 1)) * Smmu3ContextDescriptor.Bytes);
            }
        }

        Span<byte> bytes = stackalloc byte[Smmu3ContextDescriptor.Bytes];
        var fetched = ReadContextStructure(address, entry, scope, bytes);
        if (fetched != Smmu3EventType.None)
        {
            return fetched;
        }

        context = new Smmu3ContextDescriptor(Word(bytes, 0), Word(bytes, 1), Word(bytes, 2), Word(bytes, 3));
        return IsLegal(context, entry) ? Smmu3EventType.None : Smmu3EventType.BadContext;
    }

    private Smmu3EventType FindContextTable(
        uint stream, uint index, ulong table, in Smmu3StreamEntry entry, Scope scope, out ulong found)
    {
        ulong key = ContextKey(stream, index);
        if (_contextTables.TryFind(key, HardwareCache.Valid, HardwareCache.Valid, out var cached))
        {
            found = cached.A;
            return Smmu3EventType.None;
        }

        found = 0;
        Span<byte> bytes = stackalloc byte[Smmu3ContextTableEntry.Bytes];
        var status = ReadContextStructure(table + ((ulong)index * Smmu3ContextTableEntry.Bytes), entry, scope, bytes);
        if (status != Smmu3EventType.None)
        {
            return status;
        }

        var pointer = new Smmu3ContextTableEntry(Word(bytes, 0));
        if (!pointer.IsValid)
        {
            return Smmu3EventType.BadSubstreamId;
        }

        // An IPA beyond what there can be is a fault of stage 2.
        if ((entry.Config & 2) == 0 && IsTooWide(pointer.Table))
        {
            return Smmu3EventType.BadSubstreamId;
        }

        found = pointer.Table;
        AddConfiguration(_contextTables, key, stream, Smmu3EventType.None, found, 0, 0, 0, scope);
        return Smmu3EventType.None;
    }

    /// <summary>Reads a part of the tables of context descriptors, which stage 2 translates where it is on.</summary>
    private Smmu3EventType ReadContextStructure(ulong address, in Smmu3StreamEntry entry, Scope scope, Span<byte> bytes)
    {
        if ((entry.Config & 2) != 0)
        {
            var status = FindSecond(
                address, entry, Smmu3FaultClass.Context, Smmu3Access.Read | Smmu3Access.Privileged, scope, out var page);
            if (status != Smmu3EventType.None)
            {
                return status;
            }

            address = page.PhysicalOf(address);
        }

        return TryReadStructure(address, bytes) ? Smmu3EventType.None : Fetching(address, Smmu3EventType.ContextFetch);
    }

    private bool IsLegal(in Smmu3ContextDescriptor context, in Smmu3StreamEntry entry)
    {
        bool isOneRange = KindOf(entry) == HypervisorKind;
        bool isLowerUsed = isOneRange || !context.DisablesWalks(isUpper: false);
        bool isUpperUsed = !isOneRange && !context.DisablesWalks(isUpper: true);
        bool isPossible = context.IsValid
            && (context.Stalls ? _unit.StallModel != 1 && !entry.DisablesStalls : _unit.StallModel != 2)
            && (context.Aborts || !_unit.OnlyAborts)
            && context.IsAarch64
            && ((!isLowerUsed && !isUpperUsed) || (context.IsBigEndian ? _unit.HasBigEndianTables : _unit.HasLittleEndianTables))
            && (!context.SetsAccessFlag || _unit.SetsAccessFlag)
            && (!context.SetsDirtyState || _unit.SetsDirtyState)
            && (_unit.HasWideAsid || context.Asid <= byte.MaxValue || isOneRange);

        // Each half is checked, whichever the transaction is for.
        return isPossible
            && (!isLowerUsed || Smmu3Stage.TryCreate(_unit, context, isUpper: false, isOneRange, out _))
            && (!isUpperUsed || Smmu3Stage.TryCreate(_unit, context, isUpper: true, isOneRange, out _));
    }

    /// <summary>Whose stage 1 a stream uses.</summary>
    private ulong KindOf(in Smmu3StreamEntry entry)
    {
        bool isGuest = (entry.Config & 2) != 0 || entry.World != 2 || !_unit.HasHypervisor;
        return isGuest ? GuestKind : (_control2 & Smmu3Register.Control2Bits.Host) != 0 ? HostKind : HypervisorKind;
    }

    private Smmu3EventType Fetching(ulong address, Smmu3EventType type)
    {
        _fault = new Fault(IsSecond: false, Smmu3FaultClass.Context, Fetch: address);
        return type;
    }

    private bool TryReadStructure(ulong address, Span<byte> bytes)
    {
        _structuresRead++;
        return !IsTooWide(address) && _memory.TryRead(address, bytes);
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[(index * sizeof(ulong))..]);
}
