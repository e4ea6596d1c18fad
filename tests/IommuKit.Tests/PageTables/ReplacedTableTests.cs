using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Tables that unmaps have left without entries make way for larger pages, and come back.</summary>
public class ReplacedTableTests
{
    // The kernel's test fills the largest page below 16 GiB.
    private const int LargestFilled = 30;
    private const int MostPagesLog2 = 12;

    [Theory, EveryFormat]
    public void Pages_of_every_size_follow_on_smaller_ones(string format)
    {
        using var table = TableSetups.Make(format);
        ulong iova = table.Base;
        foreach (int largest in table.Sizes.Where(log2 => log2 <= LargestFilled))
        {
            ulong size = 1ul << largest;
            ulong oa = table.AddressFor(0x74a7_1445_dead_beef, largest);
            foreach (int log2 in table.Sizes.Where(log2 => log2 <= largest && largest - log2 <= MostPagesLog2))
            {
                ulong page = 1ul << log2;
                for (ulong at = 0; at < size; at += page)
                {
                    table.Map(iova + at, oa + at, page).ShouldBe(default);
                }

                table.PagesOf(iova, size).ShouldAllBe(found => found == log2);
                table.ShouldTranslate(iova + (size - 1), oa + (size - 1));

                // The first half in one call, the rest page by page: this leaves the tables of the second half.
                ulong half = log2 == largest ? 0 : size / 2;
                table.Unmap(iova, half).ShouldBe(half);
                for (ulong at = half; at < size; at += page)
                {
                    table.Unmap(iova + at, page).ShouldBe(page);
                }

                table.Log.Clear();
            }
        }

        table.ShouldLeaveNothing();
    }

    [Theory, EveryFormat]
    public void A_page_takes_the_place_of_a_table_without_entries(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { Release = TableRelease.Never });
        foreach (int log2 in table.BlockSizes.Take(1))
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            table.Map(iova, table.Granule, size).ShouldBe(default);
            table.Map(iova, size, size).ShouldBe(IommuError.EEXIST);
            table.Unmap(iova, size).ShouldBe(size);
            table.Log.Clear();

            // Where the architecture wants it, no walker can have the old table when the page is stored.
            long before = table.Allocator.Outstanding;
            table.Log.AtBreak = () => table.ShouldNotTranslate(iova);
            table.Map(iova, size, size).ShouldBe(default);
            int tables = (int)(size / table.TableSpan);
            table.Log.Unlinked.Count.ShouldBe(tables);
            table.Log.Runs.Take(tables).ShouldAllBe(run => run.Change == EntryChange.TableUnlinked);
            table.Log.Runs[tables].Change.ShouldBe(EntryChange.LeafWritten);
            table.Log.Breaks.Count.ShouldBe(table.NeedsBreakBeforeMake ? tables : 0);
            table.Log.Clear();
            table.Allocator.Outstanding.ShouldBe(before - tables);
            table.PagesOf(iova, size).ShouldBe([log2]);

            table.Unmap(iova, size).ShouldBe(size);
            table.Map(iova, table.Granule, size).ShouldBe(default);
            table.ShouldTranslate(iova + (size - 1), table.Granule + (size - 1));
        }

        table.ShouldLeaveNothing();
    }
}
