using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Models.Caches;
using IommuKit.Models.State;

namespace IommuKit.Models.Vtd;

/// <summary>
/// One cache of a VT-d unit: entries of two words, found by a key within a space. Looked up without a lock; filled and dropped under the model's.
/// </summary>
/// <remarks>
/// Each set has a version that is odd while one of its entries changes. A look-up that meets a change finds nothing, and is done again under the
/// lock.
/// </remarks>
internal sealed class VtdCache
{
    /// <summary>The bit of a space that every entry has. An entry without it is empty.</summary>
    public const ulong Valid = 1ul << 63;

    private readonly Slot[] _slots;
    private readonly int[] _versions;
    private readonly int[] _next;

    // How many entries each set has.
    private readonly int[] _held;
    private readonly int _ways;
    private readonly uint _setMask;
    private int _count;

    public VtdCache(CacheGeometry geometry)
    {
        _ways = geometry.Ways;
        _setMask = (uint)geometry.Sets - 1;
        _slots = new Slot[geometry.Entries];
        _versions = new int[geometry.Sets];
        _next = new int[geometry.Sets];
        _held = new int[geometry.Sets];
    }

    /// <summary>Whether there is nothing in it. A look-up at the same time as a first fill may see either.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Looks for an entry.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="space">Its space.</param>
    /// <param name="spaceMask">The bits of the space that are compared.</param>
    /// <param name="found">A copy of it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ulong key, ulong space, ulong spaceMask, out VtdCacheEntry found)
    {
        uint set = (uint)key & _setMask;
        ref int version = ref _versions[set];
        int before = Volatile.Read(ref version);
        var ways = _slots.AsSpan((int)set * _ways, _ways);
        for (int way = 0; way < ways.Length; way++)
        {
            ref var slot = ref ways[way];
            if (slot.Key == key && (slot.Space & spaceMask) == space)
            {
                // Each read comes before the next, so that the copy is one if the version is even and the same after it was made.
                found = new VtdCacheEntry(
                    Volatile.Read(ref slot.Key), Volatile.Read(ref slot.Space), Volatile.Read(ref slot.Data), Volatile.Read(ref slot.Info));
                return (before & 1) == 0 && Volatile.Read(ref version) == before && found.Key == key && (found.Space & spaceMask) == space;
            }
        }

        found = default;
        return false;
    }

    /// <summary>Adds an entry, or puts it in the place of the one for the same.</summary>
    public void Add(in VtdCacheEntry entry)
    {
        int set = (int)((uint)entry.Key & _setMask);
        var ways = _slots.AsSpan(set * _ways, _ways);
        int way = 0;
        while (way < ways.Length && (ways[way].Key != entry.Key || ways[way].Space != entry.Space))
        {
            way++;
        }

        if (way == ways.Length)
        {
            way = _held[set] < ways.Length ? EmptyWay(ways) : NextWay(ref _next[set]);
        }

        Change(set, ref ways[way], entry);
    }

    /// <summary>Drops entries.</summary>
    /// <param name="space">What they have in common with the spaces of those to be dropped.</param>
    /// <param name="spaceMask">The bits of the space that are compared.</param>
    /// <param name="firstKey">The first key.</param>
    /// <param name="lastKey">The last key.</param>
    public void Drop(ulong space, ulong spaceMask, ulong firstKey = 0, ulong lastKey = ulong.MaxValue)
    {
        if (_count == 0)
        {
            return;
        }

        // A short range is looked for where it must be; a long one everywhere.
        if (lastKey - firstKey <= _setMask)
        {
            for (ulong key = firstKey; ; key++)
            {
                int set = (int)((uint)key & _setMask);
                DropFrom(set, space, spaceMask, key, key);
                if (key == lastKey)
                {
                    return;
                }
            }
        }

        for (int set = 0; set < _versions.Length; set++)
        {
            DropFrom(set, space, spaceMask, firstKey, lastKey);
        }
    }

    public void Clear() => Drop(0, 0);

    /// <summary>Saves or restores what it holds. What is restored is an entry only where it says so; whose, and of what, the reader makes
    /// sure.</summary>
    public void Transfer(ref StateTransfer transfer)
    {
        for (int place = 0; place < _slots.Length; place++)
        {
            var slot = _slots[place];
            transfer.Value(ref slot.Key);
            transfer.Value(ref slot.Space);
            transfer.Value(ref slot.Data);
            transfer.Value(ref slot.Info);
            if (transfer.IsRestoring)
            {
                bool isEntry = (slot.Space & Valid) != 0;
                Change(place / _ways, ref _slots[place], isEntry ? new VtdCacheEntry(slot.Key, slot.Space, slot.Data, slot.Info) : default);
            }
        }

        for (int set = 0; set < _next.Length; set++)
        {
            transfer.Value(ref _next[set]);
            _next[set] = (int)((uint)_next[set] % (uint)_ways);
        }
    }

    private static int EmptyWay(Span<Slot> ways)
    {
        int way = 0;
        while (ways[way].Space != 0)
        {
            way++;
        }

        return way;
    }

    private int NextWay(ref int next)
    {
        int way = next;
        next = way + 1 == _ways ? 0 : way + 1;
        return way;
    }

    private void DropFrom(int set, ulong space, ulong spaceMask, ulong firstKey, ulong lastKey)
    {
        foreach (ref var slot in _slots.AsSpan(set * _ways, _ways))
        {
            if (slot.Space != 0 && (slot.Space & spaceMask) == space && slot.Key >= firstKey && slot.Key <= lastKey)
            {
                Change(set, ref slot, default);
            }
        }
    }

    private void Change(int set, ref Slot slot, in VtdCacheEntry entry)
    {
        // Each store comes after the one before it, so that no look-up takes a part of the change for a whole.
        ref int version = ref _versions[set];
        bool wasEmpty = slot.Space == 0;
        Volatile.Write(ref version, version + 1);
        Volatile.Write(ref slot.Key, entry.Key);
        Volatile.Write(ref slot.Space, entry.Space);
        Volatile.Write(ref slot.Data, entry.Data);
        Volatile.Write(ref slot.Info, entry.Info);
        Volatile.Write(ref version, version + 1);
        if (wasEmpty != (entry.Space == 0))
        {
            int change = wasEmpty ? 1 : -1;
            _held[set] += change;
            Volatile.Write(ref _count, _count + change);
        }
    }

    /// <summary>Where an entry is kept.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Slot
    {
        public ulong Key;
        public ulong Space;
        public ulong Data;
        public ulong Info;
    }
}
