using System.Runtime.CompilerServices;

namespace IommuKit.Models.Software;

/// <summary>
/// What a walker remembers of pages, by their numbers: an array of groups of neighbours, that is searched from the place of the group's hash on. Readers
/// need no lock if they look afterwards whether a writer came between (<see cref="SequenceLock"/>); what they find in the middle of a change is nonsense,
/// but they end.
/// </summary>
/// <remarks>
/// Devices go from page to page, and the neighbours of a page are in the same lines of the processor's cache. A group whose pages were all removed keeps
/// its place until there is no room for others.
/// </remarks>
internal sealed class HeldPages
{
    /// <summary>Tells of a page that its first place has other pages; it is put under none.</summary>
    public const ulong Elsewhere = 1;

    private const int GroupShift = 3;
    private const int PagesPerGroup = 1 << GroupShift;
    private const int FirstLength = 64;

    private Group[] _groups = new Group[FirstLength];
    private int _used;

    // What was in use before, and is again when the array is full of groups without pages.
    private Group[] _spare = [];

    /// <summary>How many pages there are.</summary>
    public int Count { get; private set; }

    /// <summary>Looks in the place where a page is looked for first.</summary>
    /// <param name="page">The number of the page, less than 2^64 - 8.</param>
    /// <returns>What was put there; 0 if the page is nowhere, and <see cref="Elsewhere"/> if it may be in another place.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Peek(ulong page)
    {
        var groups = Volatile.Read(ref _groups);
        ulong key = KeyOf(page);
        ref var group = ref groups[TagTable.Home(key, groups.Length)];
        ulong value = Volatile.Read(ref group.Pages[(int)page & (PagesPerGroup - 1)]);
        ulong there = Volatile.Read(ref group.Key);
        return there == key ? value : there == 0 ? 0 : Elsewhere;
    }

    /// <summary>Finds a page.</summary>
    /// <param name="page">The number of the page, less than 2^64 - 8.</param>
    /// <returns>What was put there; 0 if the page is not there.</returns>
    public ulong Find(ulong page)
    {
        ref var group = ref PlaceOf(Volatile.Read(ref _groups), KeyOf(page));
        return Volatile.Read(ref group.Key) == 0 ? 0 : Volatile.Read(ref group.Pages[(int)page & (PagesPerGroup - 1)]);
    }

    /// <summary>Puts something under a page that has nothing, in its first place. Only for a writer.</summary>
    /// <param name="page">The number of the page, less than 2^64 - 8.</param>
    /// <param name="value">What to put there, not 0.</param>
    /// <param name="capacity">The most pages that there may be.</param>
    /// <returns>False if that cannot be: then nothing was done, and <see cref="Set"/> has to.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAdd(ulong page, ulong value, int capacity)
    {
        var groups = _groups;
        ulong key = KeyOf(page);
        ref var group = ref groups[TagTable.Home(key, groups.Length)];
        ref ulong there = ref group.Pages[(int)page & (PagesPerGroup - 1)];
        if (there != 0 || Count >= capacity)
        {
            return false;
        }

        if (group.Key != key)
        {
            if (group.Key != 0 || IsFull)
            {
                return false;
            }

            group.Key = key;
            _used++;
        }

        Count++;
        there = value;
        return true;
    }

    /// <summary>Puts something under a page, in place of what is there. Only for a writer.</summary>
    /// <param name="page">The number of the page, less than 2^64 - 8.</param>
    /// <param name="value">What to put there, not 0.</param>
    public void Set(ulong page, ulong value)
    {
        ulong key = KeyOf(page);
        ref var group = ref PlaceOf(_groups, key);
        if (group.Key == 0)
        {
            if (IsFull)
            {
                MakeRoom();
                group = ref PlaceOf(_groups, key);
            }

            group.Key = key;
            _used++;
        }

        ref ulong there = ref group.Pages[(int)page & (PagesPerGroup - 1)];
        Count += there == 0 ? 1 : 0;
        there = value;
    }

    /// <summary>Removes the pages of a range, at the cost of the range or of what there is, whichever is less. Only for a writer.</summary>
    public void Remove(ulong first, ulong last)
    {
        ulong firstKey = KeyOf(first);
        ulong lastKey = KeyOf(last);
        if (lastKey - firstKey >= (uint)_used)
        {
            foreach (ref var group in _groups.AsSpan())
            {
                if (group.Key >= firstKey && group.Key <= lastKey)
                {
                    RemoveFrom(ref group, first, last);
                }
            }

            return;
        }

        for (ulong key = firstKey; key <= lastKey && Count != 0; key++)
        {
            ref var group = ref PlaceOf(_groups, key);
            if (group.Key != 0)
            {
                RemoveFrom(ref group, first, last);
            }
        }
    }

    /// <summary>Removes everything. Only for a writer.</summary>
    public void Clear()
    {
        if (_used != 0)
        {
            Array.Clear(_groups);
            _used = 0;
            Count = 0;
        }
    }

    // Searches stay short if half of the places are free.
    private bool IsFull => 2 * (_used + 1) > _groups.Length;

    private static ulong KeyOf(ulong page) => (page >> GroupShift) + 1;

    /// <summary>The place of a group, or the free one where it would be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Group PlaceOf(Group[] groups, ulong key)
    {
        int index = TagTable.Home(key, groups.Length);
        ref var home = ref groups[index];
        ulong there = Volatile.Read(ref home.Key);
        return ref there == key || there == 0 ? ref home : ref PlaceAfter(groups, key, index);
    }

    private static ref Group PlaceAfter(Group[] groups, ulong key, int index)
    {
        // A reader may look at what changes, but ends.
        for (int i = 1; i < groups.Length; i++)
        {
            index = (index + 1) & (groups.Length - 1);
            ulong there = Volatile.Read(ref groups[index].Key);
            if (there == key || there == 0)
            {
                break;
            }
        }

        return ref groups[index];
    }

    private void RemoveFrom(ref Group group, ulong first, ulong last)
    {
        // The pages of the group that the range has.
        ulong start = (group.Key - 1) << GroupShift;
        int from = first > start ? (int)(first - start) : 0;
        int to = last - start < PagesPerGroup ? (int)(last - start) : PagesPerGroup - 1;
        for (int page = from; page <= to; page++)
        {
            Count -= group.Pages[page] != 0 ? 1 : 0;
            group.Pages[page] = 0;
        }
    }

    /// <summary>Leaves out groups of which nothing is left, and doubles the places if that is not enough.</summary>
    private void MakeRoom()
    {
        int used = 0;
        foreach (ref var group in _groups.AsSpan())
        {
            used += group.HasPages ? 1 : 0;
        }

        var old = _groups;
        int length = 4 * used >= old.Length ? 2 * old.Length : old.Length;
        var groups = _spare.Length == length ? _spare : new Group[length];
        Array.Clear(groups);
        foreach (ref var group in old.AsSpan())
        {
            if (group.HasPages)
            {
                PlaceOf(groups, group.Key) = group;
            }
        }

        _used = used;
        _spare = old;
        Volatile.Write(ref _groups, groups);
    }

    private struct Group
    {
        // Its number and one; 0 where there is none.
        public ulong Key;

        // What was put under each of its pages; 0 where nothing is.
        public GroupPages Pages;

        public readonly bool HasPages => Key != 0 && ((ReadOnlySpan<ulong>)Pages).ContainsAnyExcept(0ul);
    }

    [InlineArray(PagesPerGroup)]
    private struct GroupPages
    {
        private ulong _first;
    }
}
