using FsCheck;
using FsCheck.Fluent;
using IommuKit.Sync;

using Interval = IommuKit.Sync.Interval;

namespace IommuKit.Tests.Sync;

/// <summary>Looks without a lock, against a list that is searched from end to end.</summary>
public class PageMarksTests
{
    private const int GranuleLog2 = 12;
    private const ulong Page = 1 << GranuleLog2;

    [Fact]
    public void What_was_marked_is_found() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        seed =>
        {
            var random = new Random(seed);
            var marks = new PageMarks(random.Next(1, 300), GranuleLog2);
            List<Interval> all = [];
            for (int step = 0; step < 400; step++)
            {
                if (random.Next(100) == 0)
                {
                    marks.Clear();
                    all.Clear();
                    marks.MayOverlap(new Interval(0, ulong.MaxValue)).ShouldBeFalse();
                }

                all.Add(Range(random));
                marks.Mark(all[^1]);
                var asked = Range(random);
                if (all.Exists(asked.Overlaps))
                {
                    marks.MayOverlap(asked).ShouldBeTrue();
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));

    [Theory]
    [InlineData(0x4000_0000ul, 1ul, 1ul)]
    [InlineData(0x4000_3000ul, 7ul, 1ul)]
    [InlineData(0x4004_0000ul, 64ul, 1ul)]
    [InlineData(0xffff_ffff_ffc0_0000ul, 1024ul, 1ul)]
    [InlineData(0x4000_0000_0000ul, 1ul << 30, 1ul)]
    [InlineData(0x4003_f000ul, 1023ul, 128ul)]
    public void Neighbours_of_what_was_marked_are_told_apart(ulong iova, ulong pages, ulong distance)
    {
        var marks = new PageMarks(255, GranuleLog2);
        marks.Mark(Interval.At(iova, pages * Page));
        marks.MayOverlap(Interval.At(iova - (distance * Page), Page)).ShouldBeFalse();
        marks.MayOverlap(Interval.At(iova, Page)).ShouldBeTrue();
        marks.MayOverlap(Interval.At(iova + ((pages - 1) * Page), Page)).ShouldBeTrue();
        if (iova + ((pages + distance - 1) * Page) is > 0 and var next)
        {
            marks.MayOverlap(Interval.At(next, Page)).ShouldBeFalse();
        }
    }

    [Fact]
    public void Ranges_of_many_pages_are_found_too()
    {
        var marks = new PageMarks(4, GranuleLog2);
        marks.Mark(new Interval(1ul << 40, (1ul << 41) - 1));
        marks.Mark(new Interval(1ul << 30, (1ul << 31) - 1));
        marks.MayOverlap(Interval.At(3ul << 39, Page)).ShouldBeTrue();
        marks.MayOverlap(Interval.At(1ul << 30, Page)).ShouldBeTrue();
        marks.MayOverlap(Interval.At(1ul << 41, Page)).ShouldBeFalse();
        marks.MayOverlap(Interval.At((1ul << 30) - Page, Page)).ShouldBeFalse();
        marks.MayOverlap(new Interval(0, ulong.MaxValue)).ShouldBeTrue();
    }

    [Fact]
    public void What_is_taken_is_found_until_it_is_done()
    {
        var pages = new PendingPages(4, GranuleLog2);
        pages.Mark(Interval.At(0, Page));
        pages.Take();
        pages.Mark(Interval.At(8 * Page, Page));
        Found().ShouldBe((true, true));
        pages.Done();
        Found().ShouldBe((false, true));
        pages.Take();
        Found().ShouldBe((false, true));
        pages.Done();
        Found().ShouldBe((false, false));

        (bool, bool) Found() => (pages.MayOverlap(Interval.At(0, Page)), pages.MayOverlap(Interval.At(8 * Page, Page)));
    }

    /// <summary>Pages near each other, so that they meet; now and then many of them, or some at the top of the number space.</summary>
    private static Interval Range(Random random)
    {
        ulong page = (ulong)random.Next(6000) + (random.Next(10) == 0 ? 0xf_ffff_ffff_d000ul : 0);
        ulong count = random.Next(12) == 0 ? (ulong)random.Next(1, 2000) : (ulong)random.Next(1, 70);
        return Interval.At(page << GranuleLog2, count << GranuleLog2);
    }
}
