using FsCheck;
using FsCheck.Fluent;
using IommuKit.Lab.Audit;

namespace IommuKit.Lab.Tests.Audit;

public class SummedSetTests
{
    /// <summary>Pieces in the order of a known random generator, as a file could have them to make a list of a tree: quadratic, this would take minutes.</summary>
    [Fact]
    public void No_order_of_pieces_is_slow()
    {
        var live = new SummedSet();
        uint random = 2_463_534_242;
        for (int piece = 0; piece < 100_000; piece++)
        {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            live.Add((ulong)random << 13, ((ulong)random << 13) + 4095);
        }

        live.Pieces.ShouldBe(100_000);
        live.HasAny((ulong)random << 13, ulong.MaxValue).ShouldBeTrue();
        live.HasAny(((ulong)random << 13) + 4096, ((ulong)random << 13) + 8191).ShouldBeFalse();
    }

    [Fact]
    public void Agrees_with_a_set_of_numbers()
    {
        var step =
            from isAdd in Gen.Elements(true, true, false)
            from first in Gen.Choose(0, 60)
            from length in Gen.Choose(1, 12)
            select (isAdd, first, length);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(step.ArrayOf().ToArbitrary(), steps =>
        {
            var live = new SummedSet();
            var oracle = new HashSet<int>();
            foreach (var (isAdd, first, length) in steps)
            {
                int[] range = [.. Enumerable.Range(first, length)];
                int before = range.Count(oracle.Contains);
                ulong found = isAdd
                    ? live.Add((ulong)first, (ulong)(first + length - 1))
                    : live.Remove((ulong)first, (ulong)(first + length - 1));
                found.ShouldBe((ulong)before);
                if (isAdd)
                {
                    oracle.UnionWith(range);
                }
                else
                {
                    oracle.ExceptWith(range);
                }

                live.BytesIn((ulong)first, (ulong)(first + (2 * length))).ShouldBe((ulong)oracle.Count(number => number >= first && number <= first + (2 * length)));
                live.Bytes.ShouldBe((ulong)oracle.Count);
                live.Pieces.ShouldBe(oracle.Count(number => !oracle.Contains(number - 1)));
            }
        }));
    }
}
