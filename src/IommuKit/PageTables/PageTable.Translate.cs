namespace IommuKit.PageTables;

/// <content>Look-up.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Looks up what an IOVA is mapped to.</summary>
    /// <param name="iova">Any IOVA, aligned or not.</param>
    /// <param name="mapping">The page it lies in.</param>
    /// <returns>False if it is not mapped.</returns>
    public bool TryFind(ulong iova, out PageMapping mapping)
    {
        mapping = default;
        if (iova > _lastIova)
        {
            return false;
        }

        ulong table = _root;
        for (int level = _rootLevel; ; level--)
        {
            ulong entry = Entries<TFormat>.Load(ref TableAt(table, level), IndexOf(iova, level));
            if (entry == 0)
            {
                return false;
            }

            if (level == 0 || !TFormat.IsTable(entry, level))
            {
                int pageLog2 = TFormat.LeafSizeLog2(entry, level);
                int heldLog2 = TFormat.GroupsRepeatOneEntry ? pageLog2 : TFormat.EntryShift(level);
                ulong address = TFormat.LeafAddress(entry, level) | (iova & ((1ul << heldLog2) - 1));
                mapping = new PageMapping(address, pageLog2, TFormat.LeafProtection(entry, level));
                return true;
            }

            table = TFormat.TableAddress(entry);
        }
    }

    /// <summary>Finds the next mapped IOVA.</summary>
    /// <param name="iova">Where to start, aligned or not.</param>
    /// <param name="last">Where to stop; it is looked at too.</param>
    /// <param name="mapped">The first mapped IOVA from <paramref name="iova"/> on: that itself, or the start of a page.</param>
    /// <returns>False if nothing is mapped there.</returns>
    public bool TryFindNext(ulong iova, ulong last, out ulong mapped)
    {
        mapped = iova;
        last = Math.Min(last, _lastIova);
        return iova <= last && FindNext(_root, _rootLevel, last, ref mapped);
    }

    /// <summary>Looks for a mapping under one table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="level">Its level.</param>
    /// <param name="last">Where to stop.</param>
    /// <param name="iova">Where to start; moved to what was found.</param>
    private bool FindNext(ulong table, int level, ulong last, ref ulong iova)
    {
        ref byte entries = ref TableAt(table, level);
        int shift = TFormat.EntryShift(level);
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

    /// <summary>The physical address that an IOVA is mapped to.</summary>
    /// <returns>False if it is not mapped.</returns>
    public bool TryTranslate(ulong iova, out ulong physicalAddress)
    {
        bool isMapped = TryFind(iova, out var mapping);
        physicalAddress = mapping.PhysicalAddress;
        return isMapped;
    }
}
