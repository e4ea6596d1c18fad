using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Where asked for, an unmap of part of a page leaves the rest as smaller pages.</summary>
public class SplitTests
{
    [Theory, EveryFormat]
    public void A_hole_in_a_page_leaves_the_rest(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format, setup => setup with { SplitsPages = true });
            table.IsPageByPage = isPageByPage;
            foreach (int log2 in table.Sizes.Where(log2 => log2 <= 34 && log2 > table.EntryShift(0)))
            {
                ulong page = table.Granule;
                ulong size = 1ul << log2;
                ulong iova = table.Base | size;
                foreach (var (offset, bytes) in ((ulong, ulong)[])
                    [(0, page), (page, page), (size - page, page), (size / 2, size / 2), (page, size - page)])
                {
                    table.Map(iova, 0, size).ShouldBe(default);
                    CheckBreaks(table, iova, size, () => table.Unmap(iova + offset, bytes).ShouldBe(bytes));
                    ShouldHaveHole(table, iova, size, offset, bytes);
                    table.Unmap(iova, offset).ShouldBe(offset);
                    ulong end = offset + bytes;
                    table.Unmap(iova + end, size - end).ShouldBe(size - end);
                    table.Log.Clear();
                }
            }

            table.ShouldLeaveNothing();
        }
    }

    [Theory, EveryFormat]
    public void The_end_of_a_range_splits_the_page_it_lies_in(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { SplitsPages = true });
        foreach (int log2 in table.Sizes.Where(log2 => log2 <= 30 && log2 > table.EntryShift(0)))
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base;
            table.Map(iova, 0, 2 * size).ShouldBe(default);
            table.Unmap(iova, size + table.Granule).ShouldBe(size + table.Granule);
            table.ShouldNotTranslate(iova + size);
            table.ShouldTranslate(iova + size + table.Granule, size + table.Granule);
            table.ShouldTranslate(iova + (2 * size) - 1, (2 * size) - 1);
            table.Unmap(iova + size + table.Granule, size - table.Granule).ShouldBe(size - table.Granule);
        }
    }

    [Theory, EveryFormat]
    public void Whole_pages_go_whole(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format, setup => setup with { SplitsPages = true });
            table.IsPageByPage = isPageByPage;
            foreach (int log2 in table.Sizes.Where(log2 => log2 <= 30))
            {
                ulong size = 1ul << log2;
                ulong iova = table.Base | size;
                table.Map(iova, 0, size).ShouldBe(default);
                table.Map(iova - table.Granule, 0, table.Granule).ShouldBe(default);
                table.Log.Clear();
                table.Unmap(iova - table.Granule, size + table.Granule).ShouldBe(size + table.Granule);
                table.Log.Breaks.ShouldBeEmpty();
                table.Log.Runs.ShouldAllBe(run => run.Change == EntryChange.LeafCleared);
            }
        }
    }

    [Theory, EveryFormat]
    public void Marking_what_a_split_has_stored_leaves_pages_as_they_are(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { SplitsPages = true, TracksVisibility = true });
        foreach (int log2 in table.Sizes.Where(log2 => log2 <= 30 && log2 > table.EntryShift(0)))
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            table.Map(iova, 0, size).ShouldBe(default);
            table.Log.Clear();
            table.Unmap(iova, table.Granule).ShouldBe(table.Granule);
            foreach (var run in table.Log.Runs.Where(run => run.LinksTable))
            {
                ulong before = table.EntryAt(run.EntryAddress);
                table.MarkVisible(run);
                bool isPointer = run.Level != 0 && run.Count == 1;
                table.EntryAt(run.EntryAddress).ShouldBe(before | (isPointer ? table.SoftwareBit : 0));
            }

            table.Unmap(iova + table.Granule, size - table.Granule).ShouldBe(size - table.Granule);
        }
    }

    /// <summary>
    /// Where the architecture demands it, nothing of a page that changes its size is reachable at the break, and what replaces it is stored after.
    /// </summary>
    private static void CheckBreaks(TestTable table, ulong iova, ulong size, Action unmap)
    {
        table.Log.Clear();
        table.Log.AtBreak = () =>
        {
            var broken = table.Log.Runs[^1];
            broken.Change.ShouldBe(EntryChange.LeafCleared);
            foreach (ulong at in (ulong[])[broken.Iova, broken.Iova + (broken.Span / 2), broken.LastIova])
            {
                table.ShouldNotTranslate(at);
            }

            for (uint i = 0; i < broken.Count; i++)
            {
                table.EntryAt(broken.EntryAddress + (i << table.EntryLog2)).ShouldBe(0ul);
            }
        };
        unmap();
        table.Log.AtBreak = null;
        if (!table.NeedsBreakBeforeMake)
        {
            table.Log.Breaks.ShouldBeEmpty();
            return;
        }

        table.Log.Runs.ShouldAllBe(run => run.Change != EntryChange.LeafReplaced);
        foreach (int at in table.Log.Breaks)
        {
            var (broken, made) = (table.Log.Runs[at - 1], table.Log.Runs[at]);
            made.Change.ShouldBeOneOf(EntryChange.LeafWritten, EntryChange.TableLinked);
            (made.EntryAddress, made.Count, made.Iova).ShouldBe((broken.EntryAddress, broken.Count, broken.Iova));
            (made.Iova >= iova && made.LastIova <= iova + (size - 1)).ShouldBeTrue();
        }

        int changed = table.Log.Runs.Count(run => run.Change is EntryChange.LeafWritten or EntryChange.TableLinked);
        table.Log.Breaks.Count.ShouldBe(changed);
        changed.ShouldBeGreaterThan(0);
    }

    private static void ShouldHaveHole(TestTable table, ulong iova, ulong size, ulong offset, ulong bytes)
    {
        foreach (ulong at in (ulong[])[0, offset - 1, offset, offset + (bytes / 2), offset + (bytes - 1), offset + bytes, size - 1])
        {
            if (at < size)
            {
                bool isMapped = table.TryFind(iova + at, out var mapping);
                isMapped.ShouldBe(at < offset || at >= offset + bytes);
                mapping.ShouldBe(isMapped ? new PageMapping(at, mapping.PageLog2, TestTable.ReadWrite) : default);
            }
        }
    }
}
