using IommuKit.Checker.Scenarios;

namespace IommuKit.Checker.Tests;

/// <summary>Where scenarios work, as numbers of pages from the second table's first; scenarios that are written down rely on it.</summary>
public class RangeLayoutTests
{
    private const ulong Page = 4096;
    private const ulong Table = 512 * Page;

    [Fact]
    public void Ranges_begin_and_end_inside_of_lines_and_on_their_boundaries_and_across_tables()
    {
        var layout = new RangeLayout(Page, Table);
        PlaceOf(layout.Run).ShouldBe((15, 18));
        PlaceOf(layout.Page).ShouldBe((16, 1));
        PlaceOf(layout.Head).ShouldBe((15, 2));
        PlaceOf(layout.Crossing).ShouldBe((511, 3));
        PlaceOf(layout.Table).ShouldBe((0, 512));
        layout.Maps.Select(PlaceOf).ShouldBe([(15, 18), (16, 1), (511, 3)]);
        layout.Unmaps.Select(PlaceOf).ShouldBe([(15, 18), (16, 1), (15, 2), (511, 3), (0, 512)]);
        new RangeLayout(Page, Table, mapsTable: true).Maps.Select(PlaceOf).ShouldBe([(15, 18), (16, 1), (511, 3), (0, 512)]);
    }

    /// <summary>The ends of the ranges with those beside them, and the last pages of lines of 8 and of 16 entries that begin in a range.</summary>
    [Fact]
    public void The_pages_that_are_looked_at() =>
        new RangeLayout(Page, Table).Pages.Select(page => (long)((page - Table) / Page))
            .ShouldBe([14, 15, 16, 17, 23, 24, 31, 32, 33, 510, 511, 512, 513, 527]);

    private static (long First, long Count) PlaceOf((ulong Iova, ulong Size) range) =>
        ((long)((range.Iova - Table) / Page), (long)(range.Size / Page));
}
