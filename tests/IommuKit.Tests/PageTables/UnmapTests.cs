using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

public class UnmapTests
{
    [Theory, EveryFormat]
    public void The_first_part_of_a_large_page_takes_the_whole_and_the_middle_nothing(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (int log2 in table.Sizes.Skip(1))
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            foreach (int part in table.Sizes.Where(part => part < log2))
            {
                table.Map(iova, 0, size).ShouldBe(default);
                table.Map(iova - table.Granule, 0, table.Granule).ShouldBe(default);
                table.ShouldNotChange(() => table.Unmap(iova + (1ul << part), 1ul << part).ShouldBe(0ul));
                table.ShouldTranslate(iova, 0);

                table.Unmap(iova, 1ul << part).ShouldBe(size);
                table.ShouldNotTranslate(iova);
                table.ShouldNotTranslate(iova + (size - 1));
                table.ShouldTranslate(iova - table.Granule, 0);
                table.Unmap(iova - table.Granule, table.Granule).ShouldBe(table.Granule);
            }

            table.Log.Clear();
        }
    }

    [Theory, EveryFormat]
    public void A_range_that_ends_inside_a_page_takes_the_whole(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (int log2 in table.Sizes.Skip(1))
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            ulong before = table.Granule;
            table.Map(iova - before, 0, before).ShouldBe(default);
            table.Map(iova, size, size).ShouldBe(default);
            table.Unmap(iova - before, 2 * before).ShouldBe(before + size);
            table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
        }
    }

    [Theory, EveryFormat]
    public void A_hole_stops_an_unmap(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { Release = TableRelease.Never });
        ulong page = table.Granule;
        ulong start = table.Base + table.TableSpan - (2 * page);
        table.Map(start, page, 2 * page).ShouldBe(default);
        table.Map(start + (3 * page), 8 * page, 2 * page).ShouldBe(default);
        table.Unmap(start, 5 * page).ShouldBe(2 * page);
        table.ShouldTranslate(start + (3 * page), 8 * page);
        table.ShouldNotChange(() => table.TryUnmap(start, 5 * page, out ulong none).ShouldBe(default));
        table.Unmap(start + (3 * page), 9 * page).ShouldBe(2 * page);
    }

    [Theory, EveryFormat]
    public void Holes_in_a_covered_table_do_not_count(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format);
            table.IsPageByPage = isPageByPage;
            ulong page = table.Granule;
            ulong start = table.Base + table.TableSpan;
            table.Map(start + page, page, page).ShouldBe(default);
            table.Map(start + (5 * page), page, 2 * page).ShouldBe(default);
            table.Unmap(start, table.TableSpan).ShouldBe(table.TableSpan);
            table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
            table.Log.Unlinked.Count.ShouldBe(1);

            // There is no table now, and so nothing to go.
            table.Log.Clear();
            table.ShouldNotChange(() => table.Unmap(start, table.TableSpan).ShouldBe(0ul));
            table.ShouldLeaveNothing();
        }
    }

    [Theory, EveryFormat]
    public void A_hole_in_a_table_that_is_covered_but_for_one_page_stops(string format)
    {
        using var table = TableSetups.Make(format);
        ulong page = table.Granule;
        ulong start = table.Base + table.TableSpan;
        table.Map(start, page, 2 * page).ShouldBe(default);
        table.Map(start + (4 * page), 8 * page, page).ShouldBe(default);
        table.Unmap(start, table.TableSpan - page).ShouldBe(2 * page);
        table.ShouldTranslate(start + (4 * page), 8 * page);
    }
}
