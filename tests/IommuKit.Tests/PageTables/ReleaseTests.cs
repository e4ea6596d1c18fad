using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>When tables go: see <see cref="TableRelease"/>.</summary>
public class ReleaseTests
{
    [Theory, EveryFormat]
    public void A_covered_table_goes_whole(string format) => Check(format, TableRelease.WhenCovered, inHalves: _ => 0, atOnce: _ => 1);

    // Every table on the way down goes with the last entry.
    [Theory, EveryFormat]
    public void A_table_goes_with_its_last_entry(string format) =>
        Check(format, TableRelease.WhenEmpty, inHalves: table => table.RootLevel, atOnce: table => table.RootLevel);

    [Theory, EveryFormat]
    public void A_table_stays(string format) => Check(format, TableRelease.Never, inHalves: _ => 0, atOnce: _ => 0);

    private static void Check(string format, TableRelease release, Func<TestTable, int> inHalves, Func<TestTable, int> atOnce)
    {
        using var table = TableSetups.Make(format, setup => setup with { Release = release });
        ulong span = table.TableSpan;
        ulong start = table.Base + (2 * span);
        table.Map(start, table.Granule, span).ShouldBe(default);
        table.Allocator.Outstanding.ShouldBe(1 + table.RootLevel);

        table.Unmap(start, span / 2).ShouldBe(span / 2);
        table.Log.Unlinked.ShouldBeEmpty();
        table.Unmap(start + (span / 2), span / 2).ShouldBe(span / 2);
        table.Log.Unlinked.Count.ShouldBe(inHalves(table));
        table.Log.Clear();
        table.Allocator.Outstanding.ShouldBe(1 + table.RootLevel - inHalves(table));

        table.Map(start, table.Granule, span).ShouldBe(default);
        table.Log.Clear();
        table.Unmap(start, span).ShouldBe(span);
        table.Log.Unlinked.Count.ShouldBe(atOnce(table));
        bool isDropped = release == TableRelease.WhenCovered;
        table.Log.Runs.Any(run => run.Change == EntryChange.LeafCleared).ShouldBe(!isDropped);
        table.Log.Runs.Any(run => run.Change == EntryChange.TableAbandoned).ShouldBe(isDropped);
        table.ShouldLeaveNothing();
    }
}
