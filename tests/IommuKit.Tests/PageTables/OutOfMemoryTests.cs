
namespace IommuKit.Tests.PageTables;

/// <summary>Memory for tables runs out, at each place where it can.</summary>
public class OutOfMemoryTests
{
    [Theory, EveryFormat]
    public void A_map_that_fails_changes_nothing(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = MakeUsed(format);
            table.IsPageByPage = isPageByPage;

            // From the end of one table over all of the next into a third.
            ulong page = table.Granule;
            ulong start = table.Base + (3 * table.TableSpan) - page;
            ulong size = table.TableSpan + (2 * page);
            long used = table.Allocator.Outstanding;
            long needed = Needs(format, other => other.Map(start, page, size));
            needed.ShouldBe(3);
            for (long spare = 0; spare < needed; spare++)
            {
                table.Allocator.Limit = used + spare;
                table.ShouldNotChange(() => table.Map(start, page, size).ShouldBe(IommuError.ENOMEM));
                table.ShouldNotChange(() => table.MapList(start, [new(page, page), new(8 * page, size - page)], out _).ShouldBe(IommuError.ENOMEM));
            }

            table.Allocator.Limit = used + needed;
            table.Map(start, page, size).ShouldBe(default);
            table.ShouldTranslate(start + (size - 1), page + (size - 1));
            table.ShouldLeaveNothing();
        }
    }

    [Theory, EveryFormat]
    public void A_map_far_away_needs_every_level(string format)
    {
        using var table = MakeUsed(format);
        ulong page = table.Granule;
        ulong start = table.Last - ((2 * page) - 1);
        long used = table.Allocator.Outstanding;
        for (long spare = 0; spare < table.RootLevel; spare++)
        {
            table.Allocator.Limit = used + spare;
            table.ShouldNotChange(() => table.Map(start, page, 2 * page).ShouldBe(IommuError.ENOMEM));
        }

        table.Allocator.Limit = used + table.RootLevel;
        table.Map(start, page, 2 * page).ShouldBe(default);
        table.ShouldLeaveNothing();
    }

    [Theory, EveryFormat]
    public void A_page_that_cannot_be_split_stays_mapped(string format)
    {
        using var any = TableSetups.Make(format);
        foreach (int log2 in any.BlockSizes.Where(log2 => log2 <= 34))
        {
            using var table = TableSetups.Make(format, setup => setup with { SplitsPages = true });
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            table.Map(iova, 0, size).ShouldBe(default);

            int needed = table.LevelOf(log2);
            for (int spare = 0; spare < needed; spare++)
            {
                table.Allocator.Limit = table.Allocator.Outstanding + spare;
                table.ShouldNotChange(() => table.TryUnmap(iova + table.Granule, table.Granule, out _).ShouldBe(IommuError.ENOMEM));
            }

            table.Allocator.Limit = table.Allocator.Outstanding + needed;
            table.TryUnmap(iova + table.Granule, table.Granule, out ulong unmapped).ShouldBe(IommuError.None);
            unmapped.ShouldBe(table.Granule);
            table.ShouldNotTranslate(iova + table.Granule);
            table.ShouldTranslate(iova, 0);
            table.ShouldTranslate(iova + (size - 1), size - 1);
            table.ShouldLeaveNothing();
        }
    }

    [Theory, EveryFormat]
    public void Both_ends_are_reserved_for_before_anything_goes(string format)
    {
        using var any = TableSetups.Make(format);
        foreach (int log2 in any.BlockSizes.Where(log2 => log2 <= 30))
        {
            using var table = TableSetups.Make(format, setup => setup with { SplitsPages = true });
            ulong size = 1ul << log2;
            ulong iova = table.Base;
            table.Map(iova, 0, 3 * size).ShouldBe(default);
            table.Allocator.Limit = table.Allocator.Outstanding;
            table.ShouldNotChange(() => table.TryUnmap(iova, (2 * size) + table.Granule, out _).ShouldBe(IommuError.ENOMEM));
            table.ShouldNotChange(() => table.TryUnmap(iova + table.Granule, 2 * size, out _).ShouldBe(IommuError.ENOMEM));
            table.Unmap(iova, 2 * size).ShouldBe(2 * size);
            table.Allocator.Limit = long.MaxValue;
            table.Unmap(iova + (2 * size) + table.Granule, table.Granule).ShouldBe(table.Granule);
            table.ShouldTranslate(iova + (2 * size), 2 * size);
            table.ShouldTranslate(iova + (3 * size) - 1, (3 * size) - 1);
        }
    }

    [Theory, EveryFormat]
    public void What_no_pool_can_hold_is_refused_at_once(string format)
    {
        // One page size, so that there is no way but tables of pages: for the widest formats billions of them.
        using var any = TableSetups.Make(format);
        using var table = TableSetups.Make(format, setup => setup with { PageSizes = any.Granule });
        ulong size = (Math.Min(table.LastOffset, table.LastAddress) / 2) + 1;
        table.Allocator.Limit = table.Allocator.Outstanding + 3;
        table.ShouldNotChange(() => table.Map(table.Base, 0, size).ShouldBe(IommuError.ENOMEM));
    }

    private static TestTable MakeUsed(string format)
    {
        var table = TableSetups.Make(format);
        table.Map(table.Base, 0, table.Granule).ShouldBe(default);
        return table;
    }

    private static long Needs(string format, Func<TestTable, IommuError> map)
    {
        using var table = MakeUsed(format);
        long before = table.Allocator.Outstanding;
        map(table).ShouldBe(default);
        return table.Allocator.Outstanding - before;
    }
}
