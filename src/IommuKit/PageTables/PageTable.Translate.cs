using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <content>Look-up.</content>
/// <remarks>
/// A look-up may run while another thread unmaps, and so may stand in a table that is released and used anew. The allocator counts releases:
/// a look-up during which the count changed starts again.
/// </remarks>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Looks up the physical address that an IOVA is mapped to.</summary>
    /// <param name="iova">Any IOVA, aligned or not.</param>
    /// <param name="physicalAddress">What it is mapped to.</param>
    /// <returns>False if it is not mapped.</returns>
    public bool TryTranslate(ulong iova, out ulong physicalAddress)
    {
        physicalAddress = 0;
        if (!IsInside(iova, iova))
        {
            return false;
        }

        ulong entry = FinalEntryOf(iova, out int level);
        if (entry == 0)
        {
            return false;
        }

        physicalAddress = AddressIn(entry, level, iova);
        return true;
    }

    /// <summary>Looks up the page around an IOVA.</summary>
    /// <param name="iova">Any IOVA, aligned or not.</param>
    /// <param name="mapping">The page it lies in.</param>
    /// <returns>False if it is not mapped.</returns>
    public bool TryFind(ulong iova, out PageMapping mapping)
    {
        mapping = default;
        if (!IsInside(iova, iova))
        {
            return false;
        }

        ulong entry = FinalEntryOf(iova, out int level);
        if (entry == 0)
        {
            return false;
        }

        mapping = new PageMapping(AddressIn(entry, level, iova), PageLog2Of(entry, level), TFormat.LeafProtection(entry, level));
        return true;
    }

    /// <summary>Finds the next mapped IOVA.</summary>
    /// <param name="iova">Where to start, aligned or not.</param>
    /// <param name="last">Where to stop; it is looked at too.</param>
    /// <param name="mapped">The first mapped IOVA from <paramref name="iova"/> on: that itself, or the start of a page.</param>
    /// <returns>False if nothing is mapped there.</returns>
    public bool TryFindNext(ulong iova, ulong last, out ulong mapped)
    {
        while (true)
        {
            long releases = _allocator.Releases;
            bool isFound = TryFindNextOnce(iova, last, out mapped);

            // Entries were read by vectors, which are not ordered by themselves.
            Interlocked.MemoryBarrier();
            if (releases == _allocator.Releases)
            {
                return isFound;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong AddressIn(ulong entry, int level, ulong iova)
    {
        if (level == 0 && !(TFormat.HasGroups && TFormat.GroupsRepeatOneEntry))
        {
            // Most leaves; all that depends on the level is a constant here.
            return TFormat.LeafAddress(entry, 0) | (iova & ((1ul << Layout<TFormat>.PageShift) - 1));
        }

        int heldLog2 = TFormat.HasGroups && TFormat.GroupsRepeatOneEntry ? PageLog2Of(entry, level) : Layout<TFormat>.Shift(level);
        return TFormat.LeafAddress(entry, level) | (iova & ((1ul << heldLog2) - 1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong FinalEntryOf(ulong iova, out int level)
    {
        while (true)
        {
            long releases = _allocator.Releases;
            ulong entry = FinalEntry(iova, out level);
            if (releases == _allocator.Releases)
            {
                return level >= 0 ? entry : ThrowCorrupt(entry);
            }
        }
    }

    private bool TryFindNextOnce(ulong iova, ulong last, out ulong mapped)
    {
        mapped = iova;
        ulong highStart = ~_rootSpanMask;
        if (iova <= _rootSpanMask)
        {
            if (iova <= last && FindNext(_root, _rootLevel, Math.Min(last, _rootSpanMask), ref mapped))
            {
                return true;
            }

            mapped = highStart;
        }
        else if (_isSigned && iova < highStart)
        {
            mapped = highStart;
        }

        return _isSigned && mapped <= last && FindNext(_root, _rootLevel, last, ref mapped);
    }

    /// <summary>Looks for a mapping under one table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="level">Its level.</param>
    /// <param name="last">Where to stop.</param>
    /// <param name="iova">Where to start; moved to what was found.</param>
    private bool FindNext(ulong table, int level, ulong last, ref ulong iova)
    {
        if (level != _rootLevel && !Tables().Contains(table))
        {
            // A table that is in use anew leads here, and the caller starts again; or a corrupt one, which maps nothing.
            return false;
        }

        ref byte entries = ref TableAt(table, level);
        int shift = Layout<TFormat>.Shift(level);
        ulong end = Math.Min(last, LastUnder(iova, level));
        while (true)
        {
            int index = IndexOf(iova, level);
            int count = (int)((end >> shift) - (iova >> shift)) + 1;
            int vacant = Entries<TFormat>.VacantRun(ref entries, index, count);
            if (vacant == count)
            {
                return false;
            }

            if (vacant != 0)
            {
                iova = ((iova >> shift) + (uint)vacant) << shift;
            }

            ulong entry = Entries<TFormat>.Load(ref entries, index + vacant);
            if (level == 0
                || !TFormat.IsTable(entry, level)
                || FindNext(TFormat.TableAddress(entry), level - 1, last, ref iova))
            {
                return true;
            }

            if (vacant + 1 == count)
            {
                return false;
            }

            iova = ((iova >> shift) + 1) << shift;
        }
    }
}
