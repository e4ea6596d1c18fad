using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;

namespace IommuKit.Benchmarks;

/// <summary>
/// The least that translates for devices as a model of hardware does: a table of devices, an IOTLB and a cache of tables with tags, and a walk of four
/// levels of x86 tables in an array. Nothing invalidates, no register is there, and nothing is recorded.
/// </summary>
/// <typeparam name="TSharing">
/// Whether hits are as a model has them that others may invalidate meanwhile: each is read between two looks at a version, and counted.
/// </typeparam>
internal readonly struct HandWrittenIommu<TSharing> : IIommuModel
    where TSharing : struct, HandWrittenIommu.ISharing
{
    private const int PageShift = 12;
    private const int TableShift = 21;
    private const int IndexBits = 9;
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;
    private const int TlbSets = 128;
    private const int TlbWays = 8;
    private const int TableEntries = 64;

    private readonly ulong[] _memory;
    private readonly (ulong Root, ulong Tag)[] _devices = new (ulong, ulong)[256];
    private readonly Entry[] _tlb = new Entry[TlbSets * TlbWays];
    private readonly int[] _next = new int[TlbSets];
    private readonly Entry[] _tables = new Entry[TableEntries];
    private readonly int[] _versions = new int[TlbSets];
    private readonly long[] _hits = new long[65 * 16];

    /// <summary>Makes it, with one device that may write to all of a range.</summary>
    /// <param name="source">The device.</param>
    /// <param name="iova">Where the range begins: a multiple of 2 MiB.</param>
    /// <param name="bytes">How long it is: another one.</param>
    /// <param name="physical">Where it is in memory.</param>
    public HandWrittenIommu(int source, ulong iova, ulong bytes, ulong physical)
    {
        // The root and a table of each of the next two levels, then those of pages.
        const ulong root = 0x1000;
        ulong tables = bytes >> TableShift;
        _memory = new ulong[(4 + tables) << IndexBits];
        _devices[source] = (root, 1);
        Store(root, iova >> 39, 0x2000 | 3);
        Store(0x2000, iova >> 30, 0x3000 | 3);
        for (ulong table = 0; table < tables; table++)
        {
            Store(0x3000, (iova >> TableShift) + table, (0x4000 + (table << PageShift)) | 3);
            for (ulong page = 0; page < 1 << IndexBits; page++)
            {
                Store(0x4000 + (table << PageShift), page, physical + (table << TableShift) + (page << PageShift) | 3);
            }
        }
    }

    /// <inheritdoc/>
    public AccessGate Accesses => throw new NotSupportedException("Nothing invalidates.");

    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request)
    {
        var (root, tag) = _devices[request.Source & 0xff];
        if (tag == 0)
        {
            return Translation.Fault;
        }

        ulong page = request.Iova >> PageShift;
        int set = (int)(page & (TlbSets - 1));
        var ways = _tlb.AsSpan(set * TlbWays, TlbWays);
        foreach (ref readonly var entry in ways)
        {
            if (entry.Key != page || entry.Tag != tag)
            {
                continue;
            }

            if (!TSharing.IsShared)
            {
                return Answer(request, entry.Value);
            }

            int version = Volatile.Read(ref _versions[set]);
            ulong value = Volatile.Read(in entry.Value);
            if ((version & 1) == 0
                && Volatile.Read(in entry.Key) == page
                && Volatile.Read(in entry.Tag) == tag
                && Volatile.Read(ref _versions[set]) == version)
            {
                _hits[((Environment.CurrentManagedThreadId & 63) + 1) * 16]++;
                return Answer(request, value);
            }
        }

        return Walk(request, root, tag, page, ref ways[_next[set]++ & (TlbWays - 1)]);
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
    {
    }

    private static Translation Answer(in DmaRequest request, ulong entry) => (entry & (request.IsWrite ? 3u : 1u)) == (request.IsWrite ? 3u : 1u)
        ? new Translation(
            IsAllowed: true,
            request.Iova & ~0xffful,
            1 << PageShift,
            entry & AddressMask,
            (entry & 2) != 0 ? Protection.Read | Protection.Write : Protection.Read)
        : Translation.Fault;

    private Translation Walk(in DmaRequest request, ulong root, ulong tag, ulong page, ref Entry place)
    {
        ulong region = request.Iova >> TableShift;
        ref var cached = ref _tables[region & (TableEntries - 1)];
        ulong table = cached.Value;
        if (cached.Key != region || cached.Tag != tag)
        {
            table = root;
            for (int shift = TableShift + (2 * IndexBits); shift >= TableShift; shift -= IndexBits)
            {
                ulong pointer = Load(table, request.Iova >> shift);
                if ((pointer & 1) == 0)
                {
                    return Translation.Fault;
                }

                table = pointer & AddressMask;
            }

            cached = new Entry(region, tag, table);
        }

        ulong entry = Load(table, page);
        if ((entry & 1) != 0)
        {
            place = new Entry(page, tag, entry);
        }

        return Answer(request, entry);
    }

    private ulong Load(ulong table, ulong index) => _memory[(table >> 3) + (index & ((1 << IndexBits) - 1))];

    private void Store(ulong table, ulong index, ulong value) => _memory[(table >> 3) + (index & ((1 << IndexBits) - 1))] = value;

    private struct Entry(ulong key, ulong tag, ulong value)
    {
        public ulong Key = key;
        public ulong Tag = tag;
        public ulong Value = value;
    }
}

/// <summary>What a walker written by hand does on a hit.</summary>
internal static class HandWrittenIommu
{
    /// <summary>Whether others may change what is looked at.</summary>
    internal interface ISharing
    {
        /// <summary>Whether they may.</summary>
        static abstract bool IsShared { get; }
    }

    /// <summary>Nobody else is there.</summary>
    internal readonly struct Alone : ISharing
    {
        /// <inheritdoc/>
        public static bool IsShared => false;
    }

    /// <summary>Somebody may be.</summary>
    internal readonly struct Shared : ISharing
    {
        /// <inheritdoc/>
        public static bool IsShared => true;
    }
}
