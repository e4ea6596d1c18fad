using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

public class MappingHistoryTests
{
    private const ulong Page = 4096;

    private long _line;

    /// <summary>One page, mapped and unmapped for ever, must not cost more and more.</summary>
    [Fact]
    public void What_is_mapped_again_and_again_is_remembered_once()
    {
        var history = new MappingHistory(maxPieces: 16);
        Again(100);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Again(100_000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(100_000);
        history.Forgotten.ShouldBe(0);

        void Again(int times)
        {
            for (int i = 0; i < times; i++)
            {
                history.Map(Moment(1, 1));
                history.Unmap(Moment(1, 1));
            }
        }
    }

    /// <summary>Whatever is mapped and unmapped, each page has the last map and unmap of it: compared with an array of pages.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Each_page_has_its_last_map_and_unmap(int seed)
    {
        const int pages = 40;
        var random = new Random(seed);
        var history = new MappingHistory();
        var expected = new (long Map, long Unmap, int Depth)[pages];
        for (int step = 0; step < 3000; step++)
        {
            int first = random.Next(pages);
            int last = Math.Min(pages - 1, first + random.Next(6));
            bool isMap = random.Next(2) == 0;
            var moment = Moment((ulong)first, (ulong)last);
            if (isMap)
            {
                history.Map(moment);
            }
            else
            {
                history.Unmap(moment);
            }

            for (int page = first; page <= last; page++)
            {
                ref var model = ref expected[page];
                model = isMap ? (moment.Line, model.Unmap, model.Depth + 1) : (model.Map, moment.Line, Math.Max(0, model.Depth - 1));
            }

            int asked = random.Next(pages);
            var state = history.At(((ulong)asked * Page) + (ulong)random.Next((int)Page));
            (state.Map.Line, state.Unmap.Line, state.Depth).ShouldBe(expected[asked]);
            state.Below.Line.ShouldBe(asked > 0 && expected[asked - 1].Depth > 0 ? expected[asked - 1].Map : 0);
            state.Above.Line.ShouldBe(asked < pages - 1 && expected[asked + 1].Depth > 0 ? expected[asked + 1].Map : 0);
            history.Forgotten.ShouldBe(0);
        }

        history.MapsOverLive.ShouldBeGreaterThan(0);
        history.Orphans.ShouldBeGreaterThan(0);
    }

    [Fact]
    public void What_was_unmapped_longest_ago_is_forgotten_first()
    {
        var history = new MappingHistory(maxPieces: 10);
        history.Map(Moment(1000, 1000));
        for (ulong page = 0; page < 100; page += 2)
        {
            history.Map(Moment(page, page));
            history.Unmap(Moment(page, page));
        }

        history.Forgotten.ShouldBe(41);
        history.At(1000 * Page).IsLive.ShouldBeTrue();
        history.At(98 * Page).Unmap.IsKnown.ShouldBeTrue();
        history.At(0).Unmap.IsKnown.ShouldBeFalse();
    }

    [Fact]
    public void Where_all_is_mapped_something_mapped_is_forgotten()
    {
        var history = new MappingHistory(maxPieces: 10);
        for (ulong page = 0; page < 100; page += 2)
        {
            history.Map(Moment(page, page));
        }

        history.Forgotten.ShouldBe(40);
    }

    [Fact]
    public void A_map_over_very_many_pieces_makes_few_of_them()
    {
        var history = new MappingHistory();
        for (ulong page = 0; page < 2000; page += 2)
        {
            history.Map(Moment(page, page));
        }

        history.Unmap(Moment(0, 2000));
        history.Forgotten.ShouldBeGreaterThan(0);
        history.At(1500 * Page).Unmap.Line.ShouldBe(_line);
        history.At(1500 * Page).IsLive.ShouldBeFalse();
        history.At(0).IsLive.ShouldBeFalse();
    }

    [Fact]
    public void The_ends_of_the_address_space_have_neighbours_on_one_side()
    {
        var history = new MappingHistory();
        history.Map(new MappingMoment(1, 1, 0, Page - 1, 0, false));
        history.Map(new MappingMoment(2, 2, ulong.MaxValue - Page + 1, ulong.MaxValue, 0, false));
        history.At(0).ShouldSatisfyAllConditions(state => state.IsLive.ShouldBeTrue(), state => state.Below.IsKnown.ShouldBeFalse());
        history.At(ulong.MaxValue).ShouldSatisfyAllConditions(state => state.IsLive.ShouldBeTrue(), state => state.Above.IsKnown.ShouldBeFalse());
        history.At(Page).Below.Line.ShouldBe(1);
        history.IsSeen(Page).ShouldBeTrue();
        history.IsSeen(2 * Page).ShouldBeFalse();
        history.Unmap(new MappingMoment(3, 3, 0, ulong.MaxValue, 0, false));
        history.At(ulong.MaxValue / 2).Unmap.Line.ShouldBe(3);
    }

    private MappingMoment Moment(ulong firstPage, ulong lastPage)
    {
        _line++;
        return new MappingMoment(_line, _line, firstPage * Page, (lastPage * Page) + Page - 1, 0, false);
    }
}
