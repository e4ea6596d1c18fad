namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// Changes a stream table entry or a context descriptor under a running device (IHI 0070, sections 3.21.3 and 5.2): hardware reads its quadwords one by
/// one and at any time, and must see the old entry or the new one.
/// </summary>
/// <remarks>
/// <para>
/// First comes what the old entry does not use, and the new one needs. If then one quadword is left that both look at, it switches. What the new entry
/// does not use comes last. After each of the three that stores anything, hardware drops what it remembers of the entry.
/// </para>
/// <para>
/// If more quadwords are left there is no such way: the entry is made invalid, changed, and made valid again, and what a device does meanwhile is
/// aborted.
/// </para>
/// </remarks>
internal static class Smmu3EntryUpdate
{
    /// <summary>Quadwords of an entry that this driver writes; the others are 0.</summary>
    public const int Words = 4;

    /// <summary>Changes an entry.</summary>
    /// <param name="entry">Where it is.</param>
    /// <param name="kind">Which bits count.</param>
    /// <param name="wanted">What it is to be.</param>
    public static void Apply<TEntry>(ref TEntry entry, Smmu3EntryKind kind, ReadOnlySpan<ulong> wanted)
        where TEntry : struct, ISmmu3Entry
    {
        Span<ulong> old = stackalloc ulong[Words];
        for (int i = 0; i < Words; i++)
        {
            old[i] = entry.Load(i);
        }

        Span<ulong> used = stackalloc ulong[Words];
        Span<ulong> usedThen = stackalloc ulong[Words];
        kind.GetUsed(old, used);
        kind.GetUsed(wanted, usedThen);
        Span<ulong> step = stackalloc ulong[Words];
        int switching = 0;
        int last = 0;
        for (int i = 0; i < Words; i++)
        {
            step[i] = (old[i] & used[i]) | (wanted[i] & ~used[i]);
            if (((step[i] ^ wanted[i]) & usedThen[i]) != 0)
            {
                switching++;
                last = i;
            }
        }

        if (switching <= 1)
        {
            if (switching == 1)
            {
                step[last] = old[last];
                Write(ref entry, step);
                step[last] = wanted[last];
            }

            Write(ref entry, step);
        }
        else
        {
            old.CopyTo(step);
            step[0] &= ~kind.Valid;
            Write(ref entry, step);
            wanted[1..].CopyTo(step[1..]);
            Write(ref entry, step);
        }

        Write(ref entry, wanted);
    }

    private static void Write<TEntry>(ref TEntry entry, ReadOnlySpan<ulong> words)
        where TEntry : struct, ISmmu3Entry
    {
        bool hasChanged = false;
        for (int i = 0; i < Words; i++)
        {
            if (entry.Load(i) != words[i])
            {
                entry.Store(i, words[i]);
                hasChanged = true;
            }
        }

        if (hasChanged)
        {
            entry.Invalidate();
        }
    }
}
