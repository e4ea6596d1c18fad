using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Pointers that another operation has stored, and whose maintenance may not be done.</summary>
public class VisibilityTests
{
    [Theory, EveryFormat]
    public void A_pointer_counts_as_invisible_until_it_is_marked(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { TracksVisibility = true });
        bool isTracked = table.SoftwareBit != 0;
        ulong page = table.Granule;
        ulong start = table.Base + table.TableSpan;
        table.Map(start, page, page).ShouldBe(default);
        var linked = table.Log.Runs.Single(run => run.Change == EntryChange.TableLinked);
        (table.EntryAt(linked.EntryAddress) & table.SoftwareBit).ShouldBe(0ul);

        // Pointers in tables that the walker could not reach yet became visible with the one that makes them reachable.
        foreach (var inner in table.Log.Runs.Where(run => run.Change == EntryChange.NewTableWritten && run.Level != 0))
        {
            (table.EntryAt(inner.EntryAddress) & table.SoftwareBit).ShouldBe(table.SoftwareBit);
        }

        foreach (bool isPageByPage in (bool[])[false, true])
        {
            table.IsPageByPage = isPageByPage;
            table.Log.Clear();
            ulong iova = start + (isPageByPage ? 4 * page : 2 * page);
            table.Map(iova, page, page).ShouldBe(default);
            var met = table.Log.Runs.Where(run => run.Change == EntryChange.TableMet).ToList();
            met.Count.ShouldBe(isTracked ? 1 : 0);
            met.ShouldAllBe(run => run.EntryAddress == linked.EntryAddress && run.Count == 1 && run.Stored == 0);
            table.Log.Runs.Count(run => run.Change == EntryChange.LeafWritten).ShouldBe(1);
            table.ShouldTranslate(iova, page);
        }

        ulong before = table.EntryAt(linked.EntryAddress);
        table.MarkVisible(linked);
        table.EntryAt(linked.EntryAddress).ShouldBe(before | table.SoftwareBit);
        table.Log.Clear();
        table.Map(start + (6 * page), page, page).ShouldBe(default);
        table.IsPageByPage = false;
        table.Map(start + (8 * page), page, page).ShouldBe(default);
        table.Log.Runs.Select(run => run.Change).ShouldBe([EntryChange.LeafWritten, EntryChange.LeafWritten]);
        table.Unmap(start, page).ShouldBe(page);
        table.ShouldTranslate(start + (8 * page), page);
        table.ShouldLeaveNothing();
    }

    [Theory, EveryFormat]
    public void Nobody_cares_if_it_is_not_tracked(string format)
    {
        using var table = TableSetups.Make(format);
        ulong page = table.Granule;
        table.Map(table.Base, page, page).ShouldBe(default);
        var linked = table.Log.Runs.Single(run => run.Change == EntryChange.TableLinked);
        ulong before = table.EntryAt(linked.EntryAddress);
        table.Map(table.Base + (2 * page), page, page).ShouldBe(default);
        table.MarkVisible(linked);
        table.EntryAt(linked.EntryAddress).ShouldBe(before);
        table.Log.Runs.ShouldAllBe(run => run.Change != EntryChange.TableMet);
    }

    [Theory, EveryFormat]
    public void A_mark_that_comes_too_late_changes_nothing(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { TracksVisibility = true });
        table.Map(table.Base, table.Granule, table.Granule).ShouldBe(default);
        var linked = table.Log.Runs.Single(run => run.Change == EntryChange.TableLinked);
        table.Unmap(table.Base, 1ul << table.EntryShift(table.RootLevel)).ShouldBe(1ul << table.EntryShift(table.RootLevel));
        table.ShouldNotChange(() => table.MarkVisible(linked));
        table.EntryAt(linked.EntryAddress).ShouldBe(0ul);
    }
}
