using FsCheck;
using FsCheck.Fluent;

namespace IommuKit.Traces.Tests;

/// <summary>What every set of IOVAs must be: the same as a set of numbers.</summary>
/// <param name="Add">Adds a range, and returns how much of it was there.</param>
/// <param name="Remove">Removes a range, and returns how much of it was there.</param>
/// <param name="Bytes">How much there is.</param>
/// <param name="Pieces">In how many pieces.</param>
internal sealed record RangeSetProperty(Func<ulong, ulong, ulong> Add, Func<ulong, ulong, ulong> Remove, Func<ulong> Bytes, Func<int> Pieces)
{
    /// <summary>If set: looks at a range and a set of numbers too, after each step.</summary>
    public Action<int, int, HashSet<int>>? AlsoCheck { get; init; }

    /// <summary>Checks it with random ranges, many of which overlap or touch.</summary>
    public static void Check(Func<RangeSetProperty> create)
    {
        var step =
            from isAdd in Gen.Elements(true, true, false)
            from first in Gen.Choose(0, 60)
            from length in Gen.Choose(1, 12)
            select (isAdd, first, length);
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(step.ArrayOf().ToArbitrary(), steps =>
        {
            var set = create();
            var oracle = new HashSet<int>();
            foreach (var (isAdd, first, length) in steps)
            {
                int[] range = [.. Enumerable.Range(first, length)];
                int before = range.Count(oracle.Contains);
                (isAdd ? set.Add : set.Remove)((ulong)first, (ulong)(first + length - 1)).ShouldBe((ulong)before);
                if (isAdd)
                {
                    oracle.UnionWith(range);
                }
                else
                {
                    oracle.ExceptWith(range);
                }

                set.Bytes().ShouldBe((ulong)oracle.Count);
                set.Pieces().ShouldBe(oracle.Count(number => !oracle.Contains(number - 1)));
                set.AlsoCheck?.Invoke(first, length, oracle);
            }
        }));
    }

    /// <summary>
    /// Adds pieces in the order of a known random generator, as a file could have them to make a list of a tree: quadratic, this would take minutes.
    /// </summary>
    /// <returns>The IOVA of the last.</returns>
    public static ulong AddManyInChosenOrder(Func<ulong, ulong, ulong> add)
    {
        uint random = 2_463_534_242;
        for (int piece = 0; piece < 100_000; piece++)
        {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            add((ulong)random << 13, ((ulong)random << 13) + 4095);
        }

        return (ulong)random << 13;
    }
}
