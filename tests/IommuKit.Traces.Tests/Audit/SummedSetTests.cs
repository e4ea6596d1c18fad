using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

public class SummedSetTests
{
    [Fact]
    public void No_order_of_pieces_is_slow()
    {
        var set = new SummedSet();
        ulong last = RangeSetProperty.AddManyInChosenOrder(set.Add);
        set.Pieces.ShouldBe(100_000);
        set.HasAny(last, ulong.MaxValue).ShouldBeTrue();
        set.HasAny(last + 4096, last + 8191).ShouldBeFalse();
    }

    [Fact]
    public void Agrees_with_a_set_of_numbers() => RangeSetProperty.Check(() =>
    {
        var set = new SummedSet();
        return new RangeSetProperty(set.Add, set.Remove, () => set.Bytes, () => set.Pieces)
        {
            AlsoCheck = (first, length, oracle) =>
            {
                int last = first + (2 * length);
                set.BytesIn((ulong)first, (ulong)last).ShouldBe((ulong)oracle.Count(number => number >= first && number <= last));
            },
        };
    });
}
