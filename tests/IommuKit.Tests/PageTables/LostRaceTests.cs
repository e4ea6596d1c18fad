using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Another operation links a table while one is being made for the same place: one of the two stays.</summary>
public class LostRaceTests
{
    [Theory, EveryFormat]
    public void The_table_that_comes_second_is_given_back(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format, setup => setup with { TracksVisibility = true });
            table.IsPageByPage = isPageByPage;
            ulong page = table.Granule;
            ulong start = table.Base + table.TableSpan;
            table.Log.AtFilled = () =>
            {
                // What another thread might do just before the pointer is stored.
                table.Log.AtFilled = null;
                table.Map(start + (4 * page), 4 * page, page).ShouldBe(default);
                table.Log.Runs.RemoveAll(run => run.Change == EntryChange.LeafWritten);
            };
            table.Map(start, page, 2 * page).ShouldBe(default);

            table.Allocator.Outstanding.ShouldBe(1 + table.RootLevel);
            table.ShouldTranslate(start, page);
            table.ShouldTranslate(start + page, 2 * page);
            table.ShouldTranslate(start + (4 * page), 4 * page);
            table.ShouldNotTranslate(start + (2 * page));

            // The loser stores its pages where they can be reached, and depends on pointers that may not be visible yet.
            var written = table.Log.Runs.Where(run => run.Change == EntryChange.LeafWritten && run.Level == 0).ToList();
            written.Sum(run => run.Count).ShouldBe(2);
            written[0].Iova.ShouldBe(start);
            int linked = table.Log.Runs.Count(run => run.Change == EntryChange.TableLinked);
            linked.ShouldBe(isPageByPage ? table.RootLevel : 1);
            table.Log.Runs.Count(run => run.Change == EntryChange.TableMet).ShouldBe(table.SoftwareBit == 0 ? 0 : linked);
            table.ShouldLeaveNothing();
        }
    }
}
