using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Models.State;

namespace IommuKit.Models.Caches;

/// <summary>
/// One cache of a model: entries of four words, found by a key within a space. Looked up without a lock; filled and dropped under the model's.
/// </summary>
/// <remarks>
/// <para>Each set has a version that is odd while one of its entries changes. A look-up that meets a change finds nothing, and is done again under
/// the lock.</para>
/// <para>Entries of several classes (pages of several sizes) share the cache. <see cref="Classes"/> says which classes there are, so that a look-up
/// tries only those.</para>
/// </remarks>
internal sealed class HardwareCache
{
    /// <summary>The bit of a space that every entry has. An entry without it is empty.</summary>
    public const ulong Valid = 1ul << 63;

    /// <summary>Where the class of an entry is in its space: 6 bits.</summary>
    public const int ClassShift = 35;

    /// <summary>The bits of the class.</summary>
    public const ulong ClassMask = 0x3ful << ClassShift;

    private static readonly CacheEntry NoEntry;

    private readonly CacheEntry[] _entries;

    // The keys of the entries once more, next to each other: a look-up that finds nothing reads little else.
    private readonly ulong[] _keys;
    private readonly int[] _versions;
    private readonly int[] _next;

    // How many entries each set has.
    private readonly int[] _held;
    private readonly int[] _counts = new int[64];
    private readonly int _ways;
    private readonly uint _setMask;
    private ulong _classes;

    public HardwareCache(CacheGeometry geometry)
    {
        _ways = geometry.Ways;
        _setMask = (uint)geometry.Sets - 1;
        _entries = new CacheEntry[geometry.Entries];
        _keys = new ulong[geometry.Entries];
        _versions = new int[geometry.Sets];
        _next = new int[geometry.Sets];
        _held = new int[geometry.Sets];
    }

    /// <summary>What is found where there is nothing.</summary>
    public static ref readonly CacheEntry None => ref NoEntry;

    /// <summary>Which classes have entries, one bit each. A look-up at the same time as a first fill may see either.</summary>
    public ulong Classes => Volatile.Read(ref _classes);

    /// <summary>Looks for an entry.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="space">Its space.</param>
    /// <param name="spaceMask">The bits of the space that are compared, of those that the entry itself wants compared.</param>
    /// <param name="found">A copy of it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ulong key, ulong space, ulong spaceMask, out CacheEntry found)
    {
        uint set = SetOf(key);
        ref int version = ref _versions[set];
        int before = Volatile.Read(ref version);
        int first = (int)set * _ways;
        var keys = _keys.AsSpan(first, _ways);
        for (int way = 0; way < keys.Length; way++)
        {
            if (keys[way] != key)
            {
                continue;
            }

            ref var entry = ref _entries[first + way];
            if (((entry.Space ^ space) & spaceMask & entry.Mask) == 0)
            {
                // What was compared so far may have been of another moment: what is copied counts, and each read is ordered before the next.
                found.Key = Volatile.Read(ref entry.Key);
                found.Space = Volatile.Read(ref entry.Space);
                found.Mask = Volatile.Read(ref entry.Mask);
                found.A = Volatile.Read(ref entry.A);
                found.B = Volatile.Read(ref entry.B);
                found.C = Volatile.Read(ref entry.C);
                found.D = Volatile.Read(ref entry.D);
                bool isWhole = (before & 1) == 0 && Volatile.Read(ref version) == before;
                if (isWhole && found.Key == key && (found.Space & Valid) != 0 && ((found.Space ^ space) & spaceMask & found.Mask) == 0)
                {
                    return true;
                }
            }
        }

        found = default;
        return false;
    }

    /// <summary>Looks for an entry, under the lock that entries change under.</summary>
    /// <inheritdoc cref="TryFind"/>
    /// <returns>The entry, until the lock is given up or an entry changes; or <see cref="None"/>, whose space is 0.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref readonly CacheEntry Find(ulong key, ulong space, ulong spaceMask)
    {
        int first = (int)SetOf(key) * _ways;
        var keys = _keys.AsSpan(first, _ways);
        for (int way = 0; way < keys.Length; way++)
        {
            if (keys[way] == key)
            {
                ref readonly var entry = ref _entries[first + way];
                if ((entry.Space & Valid) != 0 && ((entry.Space ^ space) & spaceMask & entry.Mask) == 0)
                {
                    return ref entry;
                }
            }
        }

        return ref None;
    }

    /// <summary>Adds an entry, or puts it in the place of the one for the same.</summary>
    public void Add(in CacheEntry entry)
    {
        int set = (int)SetOf(entry.Key);
        int first = set * _ways;
        var keys = _keys.AsSpan(first, _ways);
        int way = 0;
        while (way < keys.Length && (keys[way] != entry.Key || _entries[first + way].Space != entry.Space))
        {
            way++;
        }

        if (way == keys.Length)
        {
            way = _held[set] < keys.Length ? EmptyWay(first) : NextWay(ref _next[set]);
        }

        Change(set, first + way, entry);
    }

    /// <summary>Drops entries.</summary>
    /// <param name="space">What they have in common with the spaces of those to be dropped.</param>
    /// <param name="spaceMask">The bits of the space that are compared, of those that the entry itself wants compared.</param>
    /// <param name="firstKey">The first key.</param>
    /// <param name="lastKey">The last key.</param>
    public void Drop(ulong space, ulong spaceMask, ulong firstKey = 0, ulong lastKey = ulong.MaxValue)
    {
        if (_classes == 0)
        {
            return;
        }

        // A short range is looked for where it must be; a long one everywhere.
        if (lastKey - firstKey <= _setMask)
        {
            for (ulong key = firstKey; ; key++)
            {
                DropFrom((int)SetOf(key), space, spaceMask, key, key);
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

    /// <summary>Drops everything.</summary>
    public void Clear() => Drop(0, 0);

    /// <summary>Saves or restores the entries, and whose turn it is to make way.</summary>
    public void Transfer(ref StateTransfer state)
    {
        state.Values(MemoryMarshal.Cast<CacheEntry, ulong>(_entries.AsSpan()));
        state.Values(_next.AsSpan());
        if (!state.IsRestoring)
        {
            return;
        }

        Array.Clear(_counts);
        Array.Clear(_held);
        Array.Clear(_keys);
        _classes = 0;
        for (int i = 0; i < _entries.Length; i++)
        {
            ref var entry = ref _entries[i];
            if ((entry.Space & Valid) == 0)
            {
                entry = default;
            }
            else
            {
                _keys[i] = entry.Key;
                StateTransfer.Check((int)SetOf(entry.Key) == i / _ways, "an entry of a cache is where it cannot be");
                _held[i / _ways]++;
                Count(entry.Space, 1);
            }
        }

        foreach (ref int next in _next.AsSpan())
        {
            StateTransfer.Check((uint)next < (uint)_ways, "a cache replaces an entry that there is not");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint SetOf(ulong key) => (uint)(key ^ (key >> 32)) & _setMask;

    private int EmptyWay(int first)
    {
        int way = 0;
        while (_entries[first + way].Space != 0)
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
        int first = set * _ways;
        for (int way = first; way < first + _ways; way++)
        {
            ref var entry = ref _entries[way];
            if (_keys[way] >= firstKey && _keys[way] <= lastKey && entry.Space != 0 && ((entry.Space ^ space) & spaceMask & entry.Mask) == 0)
            {
                Change(set, way, NoEntry);
            }
        }
    }

    private void Change(int set, int place, in CacheEntry entry)
    {
        // Each store is ordered after the one before: a look-up that sees a part of the change sees the odd version, or another one, when it looks
        // again.
        ref int version = ref _versions[set];
        ref var there = ref _entries[place];
        ulong old = there.Space;
        Volatile.Write(ref version, version + 1);
        Volatile.Write(ref _keys[place], entry.Key);
        Volatile.Write(ref there.Key, entry.Key);
        Volatile.Write(ref there.Space, entry.Space);
        Volatile.Write(ref there.Mask, entry.Mask);
        Volatile.Write(ref there.A, entry.A);
        Volatile.Write(ref there.B, entry.B);
        Volatile.Write(ref there.C, entry.C);
        Volatile.Write(ref there.D, entry.D);
        Volatile.Write(ref version, version + 1);
        if (((old ^ entry.Space) & (Valid | ClassMask)) != 0)
        {
            CountChange(set, old, entry.Space);
        }
    }

    private void CountChange(int set, ulong old, ulong now)
    {
        _held[set] += (now != 0 ? 1 : 0) - (old != 0 ? 1 : 0);
        Count(old, -1);
        Count(now, 1);
    }

    private void Count(ulong space, int by)
    {
        if (space != 0)
        {
            int kind = (int)(space >> ClassShift) & 63;
            _counts[kind] += by;
            ulong bit = 1ul << kind;
            Volatile.Write(ref _classes, _counts[kind] == 0 ? _classes & ~bit : _classes | bit);
        }
    }
}
