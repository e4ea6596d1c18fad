using FsCheck;
using FsCheck.Fluent;
using IommuKit.Lab.Inspect;

namespace IommuKit.Lab.Tests.Inspect;

public class RangeIndexTests
{
    [Fact]
    public void It_finds_and_counts_what_a_look_at_each_range_finds() =>
        Prop.ForAll<(byte First, byte Length)[], byte, byte>((ranges, from, length) =>
        {
            InspectRange[] all = [.. ranges.Select(range => new InspectRange(range.First, (ulong)range.First + range.Length, "memory")).Distinct()];
            ulong to = (ulong)from + length;
            var wanted = all.Where(range => range.First <= to && range.Last >= from).OrderBy(range => range.First).ToList();
            var index = new RangeIndex(all);
            return index.Count(from, to) == wanted.Count && index.Find(from, to).ToHashSet().SetEquals(wanted);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_last_address_is_an_address()
    {
        var index = new RangeIndex([new InspectRange(ulong.MaxValue - 1, ulong.MaxValue, "the end")]);
        index.Count(ulong.MaxValue, ulong.MaxValue).ShouldBe(1);
        index.Count(0, ulong.MaxValue - 2).ShouldBe(0);
    }
}
