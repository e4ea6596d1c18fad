using IommuKit.Specs.Tegra;

namespace IommuKit.Drivers.Tegra;

/// <content>Invalidation commands. The caller holds the register lock.</content>
public sealed partial class TegraSmmuDriver
{
    private const ulong SectionBytes = 1ul << TegraEntry.SectionShift;

    private readonly int _tlbStep;
    private readonly int _sectionThreshold;
    private readonly int _asidThreshold;

    /// <summary>Drops lines of the page-table cache. Both arguments are multiples of its line size.</summary>
    internal void FlushPtcLines(ulong physicalAddress, ulong bytes)
    {
        ulong end = physicalAddress + bytes;
        for (ulong line = physicalAddress; line < end; line += (uint)Soc.AtomBytes)
        {
            if (Soc.HasPtcFlushHigh)
            {
                _mc.Write32(TegraMc.PtcFlushHigh, TegraPtcFlush.LineHigh(line));
            }

            _mc.Write32(TegraMc.PtcFlush, TegraPtcFlush.Line(Soc, line).Value);
        }
    }

    /// <summary>Drops the whole page-table cache, everybody's.</summary>
    internal void FlushPtc() => _mc.Write32(TegraMc.PtcFlush, TegraPtcFlush.All.Value);

    /// <summary>Drops the translations of an address space.</summary>
    internal void FlushTlb(int asid) => _mc.Write32(TegraMc.TlbFlush, TegraTlbFlush.Asid(Soc, asid).Value);

    /// <summary>
    /// Drops the translations of pages: by groups, by sections where that takes many groups, or all at once where that takes many of either.
    /// </summary>
    internal void FlushTlbPages(int asid, ulong iova, ulong bytes)
    {
        ulong last = iova + (bytes - 1);
        if (_asidThreshold != int.MaxValue && CountFlushes(iova, last) >= _asidThreshold)
        {
            FlushTlb(asid);
            return;
        }

        for (ulong start = iova; start <= last; start = SectionEnd(start) + 1)
        {
            ulong end = Math.Min(last, SectionEnd(start));
            if (CountGroups(start, end) >= _sectionThreshold)
            {
                FlushTlbSection(asid, start);
            }
            else
            {
                FlushTlbGroups(asid, start, end);
            }
        }
    }

    /// <summary>Drops everything cached under directory entries.</summary>
    internal void FlushTlbSections(int asid, ulong iova, ulong bytes)
    {
        ulong last = iova + (bytes - 1);
        if ((last >> TegraEntry.SectionShift) - (iova >> TegraEntry.SectionShift) + 1 >= (ulong)_asidThreshold)
        {
            FlushTlb(asid);
            return;
        }

        for (ulong section = iova; section <= last; section += SectionBytes)
        {
            FlushTlbSection(asid, section);
        }
    }

    /// <summary>Waits until every write before took effect: the read is answered after them.</summary>
    internal void ReadBack() => _ = _mc.Read32(TegraMc.PtbAsid);

    private static ulong SectionEnd(ulong iova) => iova | (SectionBytes - 1);

    private void FlushTlbSection(int asid, ulong iova) =>
        _mc.Write32(TegraMc.TlbFlush, TegraTlbFlush.Section(Soc, asid, (uint)iova).Value);

    private void FlushTlbGroups(int asid, ulong first, ulong last)
    {
        // The first command names the group of the first page at the finest grain that the register has, as the driver in Linux does for each page.
        ulong step = (uint)_tlbStep;
        for (ulong iova = first; iova <= last; iova = (iova | (step - 1)) + 1)
        {
            _mc.Write32(TegraMc.TlbFlush, TegraTlbFlush.Group(Soc, asid, (uint)iova).Value);
        }
    }

    private int CountGroups(ulong first, ulong last) => (int)((last / (uint)_tlbStep) - (first / (uint)_tlbStep)) + 1;

    private int CountFlushes(ulong first, ulong last)
    {
        int count = 0;
        for (ulong start = first; start <= last; start = SectionEnd(start) + 1)
        {
            int groups = CountGroups(start, Math.Min(last, SectionEnd(start)));
            count += groups >= _sectionThreshold ? 1 : groups;
        }

        return count;
    }
}
