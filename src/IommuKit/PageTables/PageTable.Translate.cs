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
                mapping = new PageMapping(address, pageLog2, TFormat.LeafProtection(entry));
                return true;
            }

            table = TFormat.TableAddress(entry);
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
