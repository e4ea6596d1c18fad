using IommuKit.PageTables;
using IommuKit.Sync;

namespace IommuKit.Tests.Sync;

/// <summary>Runs, ranges and lines where 64-bit numbers end: nothing that ends there is followed by what begins at 0.</summary>
public class NumberEndTests
{
    private const ulong Page = 4096;
    private const ulong Top = ulong.MaxValue - Page + 1;

    [Fact]
    public void The_last_page_and_the_first_are_not_one_run()
    {
        // The entries are neighbours in memory: the last of one table, the first of the next.
        var last = Leaf(0x10_0ff8, Top);
        var first = Leaf(0x10_1000, 0);
        last.TryJoin(first, out _).ShouldBeFalse();
        first.TryJoin(last, out _).ShouldBeFalse();
        last.IsFollowedBy(first).ShouldBeFalse();
    }

    [Fact]
    public void The_last_two_pages_are_one_run()
    {
        var one = Leaf(0x10_0ff0, Top - Page);
        var last = Leaf(0x10_0ff8, Top);
        one.IsFollowedBy(last).ShouldBeTrue();
        one.TryJoin(last, out var joined).ShouldBeTrue();
        joined.Iova.ShouldBe(Top - Page);
        joined.Span.ShouldBe(2 * Page);
        joined.LastIova.ShouldBe(ulong.MaxValue);
        last.TryJoin(one, out joined).ShouldBeTrue();
        joined.Iova.ShouldBe(Top - Page);
        joined.LastIova.ShouldBe(ulong.MaxValue);
    }

    [Fact]
    public void Entries_at_the_last_physical_address_are_not_followed_by_entries_at_0()
    {
        var last = Leaf(ulong.MaxValue - 7, Page);
        last.TryJoin(Leaf(0, 2 * Page), out _).ShouldBeFalse();
        last.TryJoin(Leaf(ulong.MaxValue - 7, Page), out var same).ShouldBeTrue();
        same.ShouldBe(last);
    }

    [Fact]
    public void A_run_that_lies_within_another_at_the_end_of_memory_is_joined_and_one_that_sticks_out_is_not()
    {
        var pair = Leaf(ulong.MaxValue - 15, 0) with { Count = 2, Span = 2 * Page };
        pair.TryJoin(Leaf(ulong.MaxValue - 7, Page), out var joined).ShouldBeTrue();
        joined.ShouldBe(pair);
        Leaf(ulong.MaxValue - 7, Page).TryJoin(pair with { EntryAddress = ulong.MaxValue - 7, Iova = Page }, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(0xffff_ffff_ffff_ffc8, 8, 0xffff_ffff_ffff_ffc0, 64)]
    [InlineData(0xffff_ffff_ffff_ffbc, 8, 0xffff_ffff_ffff_ff80, 128)]
    [InlineData(0xffff_ffff_ffff_f000, 4096, 0xffff_ffff_ffff_f000, 4096)]
    [InlineData(0x1000, 64, 0x1000, 64)]
    [InlineData(0x103f, 2, 0x1000, 128)]
    public void Lines_around_bytes(ulong address, ulong bytes, ulong start, ulong length) =>
        Lines.Around(address, bytes, 64).ShouldBe(new Lines(start, length));

    [Fact]
    public void Lines_that_are_done_are_left_out_where_numbers_end_as_elsewhere()
    {
        foreach (ulong end in (ulong[])[0, 0x4000])
        {
            var done = new Lines(end - 256, 256);
            new Lines(end - 128, 128).After(done).Bytes.ShouldBe(0ul);
            new Lines(end - 320, 128).After(done).ShouldBe(new Lines(end - 320, 128));
            new Lines(end - 256, 256).After(new Lines(end - 320, 128)).ShouldBe(new Lines(end - 192, 192));
            new Lines(end, 64).After(done).ShouldBe(new Lines(end, 64));
            new Lines(end - 64, 64).After(default).ShouldBe(new Lines(end - 64, 64));
        }
    }

    [Fact]
    public void Nothing_overlaps_nothing()
    {
        var all = new Interval(0, ulong.MaxValue);
        Interval.Empty.Overlaps(all).ShouldBeFalse();
        all.Overlaps(Interval.Empty).ShouldBeFalse();
        Interval.Empty.Overlaps(Interval.Empty).ShouldBeFalse();
        Interval.At(Top, 2 * Page).ShouldBe(new Interval(Top, ulong.MaxValue));
        Interval.At(Top, 2 * Page).Overlaps(Interval.At(0, Page)).ShouldBeFalse();
        all.Overlaps(Interval.At(Top, Page)).ShouldBeTrue();
        all.Bytes.ShouldBe(ulong.MaxValue);
    }

    [Fact]
    public void A_piece_of_a_list_at_physical_address_0_continues_no_piece_that_ends_at_the_last()
    {
        PhysicalRange[] list = [new(Top, Page), new(0, Page)];
        PhysicalRanges.Check(list, Page - 1, ulong.MaxValue, larger: 2 * Page, out var found).ShouldBe(IommuKit.IommuError.None);
        found.Total.ShouldBe(2 * Page);
        found.HasLongPiece.ShouldBeFalse();

        var cursor = new MapCursor(list, iova: 0, pageSizes: Page, joinsRanges: true);
        cursor.Address.ShouldBe(Top);
        cursor.Pages.ShouldBe(1ul);
        cursor.Advance(1);
        cursor.Address.ShouldBe(0ul);
        cursor.Pages.ShouldBe(1ul);
    }

    private static EntryRun Leaf(ulong entry, ulong iova) => new(entry, 1, iova, Page, 3, 0, EntryChange.LeafCleared);
}
