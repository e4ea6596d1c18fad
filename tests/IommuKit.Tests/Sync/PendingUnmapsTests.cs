using FsCheck;
using FsCheck.Fluent;
using IommuKit.Sync;

using Interval = IommuKit.Sync.Interval;

namespace IommuKit.Tests.Sync;

/// <summary>Whether a range waits, against a list that is searched from end to end.</summary>
public class PendingUnmapsTests
{
    private const int GranuleLog2 = 12;

    [Fact]
    public void It_knows_what_waits() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        seed =>
        {
            var random = new Random(seed);
            int capacity = random.Next(1, 300);
            var set = new PendingUnmaps(capacity);
            List<Interval> all = [];
            for (int step = 0; step < 400; step++)
            {
                if (set.IsFull || random.Next(200) == 0)
                {
                    set.Unmapped.Length.ShouldBe(all.Count);
                    set.Clear();
                    all.Clear();
                    set.IsEmpty.ShouldBeTrue();
                }

                var unmapped = new FlushedUnmap(Range(random), (ulong)random.NextInt64());
                var reach = unmapped.Range.Around(random.Next(8) == 0 ? Range(random) : Interval.Empty);
                set.Add(unmapped, reach);
                all.Add(reach);
                set.Unmapped[^1].ShouldBe(unmapped);
                var asked = Range(random);
                set.Overlaps(asked).ShouldBe(all.Exists(asked.Overlaps));
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));

    [Fact]
    public void It_reaches_both_ends_of_the_number_space()
    {
        var set = new PendingUnmaps(4);
        Add(0, 0xfff);
        Add(0xffff_ffff_ffff_f000, ulong.MaxValue);
        set.Overlaps(new Interval(0, ulong.MaxValue)).ShouldBeTrue();
        set.Overlaps(new Interval(0xffff_ffff_ffff_f800, ulong.MaxValue)).ShouldBeTrue();
        set.Overlaps(new Interval(0x1000, 0xffff_ffff_ffff_efff)).ShouldBeFalse();
        Add(0, ulong.MaxValue);
        set.Overlaps(new Interval(0x1000, 0x1fff)).ShouldBeTrue();

        void Add(ulong first, ulong last) => set.Add(new FlushedUnmap(new Interval(first, last), 0), new Interval(first, last));
    }

    /// <summary>Pages near each other, so that they meet; now and then many of them, or some at the top of the number space.</summary>
    private static Interval Range(Random random)
    {
        ulong page = (ulong)random.Next(600) + (random.Next(10) == 0 ? 0xf_ffff_ffff_f000ul : 0);
        ulong count = random.Next(12) == 0 ? (ulong)random.Next(1, 100) : (ulong)random.Next(1, 4);
        return Interval.At(page << GranuleLog2, count << GranuleLog2);
    }
}
