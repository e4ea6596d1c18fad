namespace IommuKit.Tests.PageTables;

public class DisposedTableTests
{
    [Theory, EveryFormat]
    public void Nothing_works_after_the_end_and_nothing_leaks(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format);
            table.IsPageByPage = isPageByPage;
            ulong page = table.Granule;
            ulong iova = table.Base;
            table.Map(iova, 0, 2 * page).ShouldBe(default);
            table.ShouldLeaveNothing();
            table.DisposeTable();

            Action[] actions =
            [
                () => table.Map(iova, 0, page),
                () => table.Map(iova, 0, 1ul << table.Sizes[^1]),
                () => table.Map(iova, page, 2 * table.TableSpan),
                () => table.MapList(iova, [new(0, page), new(4 * page, page)], out _),
                () => table.TryUnmap(iova, page, out _),
                () => table.TryUnmap(iova, 1ul << table.Sizes[^1], out _),
                () => table.TryUnmap(iova, 2 * table.TableSpan, out _),
                () => table.TryTranslate(iova, out _),
                () => table.TryFind(iova, out _),
                () => table.TryFindNext(iova, table.Last, out _),
            ];
            foreach (var action in actions)
            {
                Should.Throw<ObjectDisposedException>(action);
            }

            table.Log.IsEmpty.ShouldBeTrue();
            table.Allocator.Outstanding.ShouldBe(0);
        }
    }
}
