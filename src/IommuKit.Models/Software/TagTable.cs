using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.Models.Software;

/// <summary>
/// What a walker remembers, by a number: an array that is searched from the place of the number's hash on. Readers need no lock if they look afterwards
/// whether a writer came between (<see cref="SequenceLock"/>); what they find in the middle of a change is nonsense, but they end.
/// </summary>
internal sealed class TagTable
{
    private const int FirstLength = 64;
    private const ulong Golden = 0x9e37_79b9_7f4a_7c15;

    private Entry[] _entries = new Entry[FirstLength];

    /// <summary>How many numbers there are.</summary>
    public int Count { get; private set; }

    /// <summary>The place of a number, or another one if it is not there.</summary>
    /// <param name="tag">The number, less than 2^64 - 1.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref readonly Entry PlaceOf(ulong tag)
    {
        var entries = Volatile.Read(ref _entries);
        int index = Home(tag + 1, entries.Length);
        ref var home = ref entries[index];
        return ref home.IsOf(tag) ? ref home : ref PlaceAfter(entries, tag, index);
    }

    /// <summary>Finds a number.</summary>
    /// <param name="tag">The number, less than 2^64 - 1.</param>
    /// <param name="address">What was put there.</param>
    /// <param name="info">What was put there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ulong tag, out ulong address, out uint info)
    {
        ref readonly var place = ref PlaceOf(tag);
        address = Volatile.Read(in place.Address);
        info = Volatile.Read(in place.Info);
        return place.IsOf(tag);
    }

    /// <summary>Puts something under a number, in place of what is there. Only for a writer.</summary>
    public void Set(ulong tag, ulong address, uint info)
    {
        if (2 * (Count + 1) > _entries.Length)
        {
            Grow();
        }

        Count += Put(_entries, tag + 1, address, info) ? 1 : 0;
    }

    /// <summary>Removes the numbers of a range, at the cost of the numbers in it or of those that there are, whichever is less. Only for a writer.</summary>
    public void Remove(ulong first, ulong last)
    {
        if (last - first >= (uint)Count)
        {
            RemoveWhere(first, last, static (tag, first, last) => tag >= first && tag <= last);
            return;
        }

        for (ulong tag = first; Count != 0; tag++)
        {
            Remove(tag);
            if (tag == last)
            {
                break;
            }
        }
    }

    /// <summary>Removes the numbers that a test of a number and a range names, at the cost of all. Only for a writer.</summary>
    public void RemoveWhere(ulong first, ulong last, Func<ulong, ulong, ulong, bool> isRemoved)
    {
        // Backwards from an empty place: what a removal moves back was seen before.
        int mask = _entries.Length - 1;
        int start = Array.FindIndex(_entries, static entry => entry.Key == 0);
        for (int i = 1; i <= mask && Count != 0; i++)
        {
            int index = (start - i) & mask;
            ulong key = _entries[index].Key;
            if (key != 0 && isRemoved(key - 1, first, last))
            {
                RemoveAt(index);
            }
        }
    }

    /// <summary>Removes everything. Only for a writer.</summary>
    public void Clear()
    {
        if (Count != 0)
        {
            Array.Clear(_entries);
            Count = 0;
        }
    }

    /// <summary>Where a key is looked for first in an array. The upper bits spread keys that follow each other evenly.</summary>
    /// <param name="key">The key.</param>
    /// <param name="length">The length of the array, a power of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Home(ulong key, int length) => (int)((key * Golden) >> (BitOperations.LeadingZeroCount((ulong)length) + 1));

    private static ref Entry PlaceAfter(Entry[] entries, ulong tag, int index)
    {
        // A reader may look at what changes, but ends.
        for (int i = 1; i < entries.Length && Volatile.Read(ref entries[index].Key) != 0 && !entries[index].IsOf(tag); i++)
        {
            index = (index + 1) & (entries.Length - 1);
        }

        return ref entries[index];
    }

    /// <summary>Whether the number was not there before.</summary>
    private static bool Put(Entry[] entries, ulong key, ulong address, uint info)
    {
        int index = Home(key, entries.Length);
        while (entries[index].Key != 0 && entries[index].Key != key)
        {
            index = (index + 1) & (entries.Length - 1);
        }

        bool isNew = entries[index].Key == 0;
        entries[index] = new Entry { Key = key, Address = address, Info = info };
        return isNew;
    }

    private void Grow()
    {
        var entries = new Entry[2 * _entries.Length];
        foreach (ref readonly var entry in _entries.AsSpan())
        {
            if (entry.Key != 0)
            {
                Put(entries, entry.Key, entry.Address, entry.Info);
            }
        }

        Volatile.Write(ref _entries, entries);
    }

    private void Remove(ulong tag)
    {
        ulong key = tag + 1;
        for (int index = Home(key, _entries.Length); _entries[index].Key != 0; index = (index + 1) & (_entries.Length - 1))
        {
            if (_entries[index].Key == key)
            {
                RemoveAt(index);
                return;
            }
        }
    }

    /// <summary>Empties a place, and moves what was put further on because of it back.</summary>
    private void RemoveAt(int hole)
    {
        int mask = _entries.Length - 1;
        for (int index = (hole + 1) & mask; _entries[index].Key != 0; index = (index + 1) & mask)
        {
            int home = Home(_entries[index].Key, _entries.Length);
            if (((index - home) & mask) >= ((index - hole) & mask))
            {
                _entries[hole] = _entries[index];
                hole = index;
            }
        }

        _entries[hole] = default;
        Count--;
    }

    /// <summary>A place for a number and what was put under it. Readers read it by volatile reads.</summary>
    internal struct Entry
    {
        /// <summary>The number and one; 0 if there is none.</summary>
        public ulong Key;

        /// <summary>What was put there.</summary>
        public ulong Address;

        /// <summary>What was put there.</summary>
        public uint Info;

        /// <summary>Whether it holds a number.</summary>
        public readonly bool IsOf(ulong tag) => Volatile.Read(in Key) == tag + 1;
    }
}
