namespace IommuKit.Traces.Tests;

public class RangeTreeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Agrees_with_a_sorted_list(int seed)
    {
        var random = new Random(seed);
        var tree = new RangeTree();
        var oracle = new SortedDictionary<ulong, RangeTree.Range>();
        for (int step = 0; step < 3000; step++)
        {
            // It grows and shrinks in turn, beyond the nodes that it has at first.
            ulong first = (ulong)random.Next(200) * 5;
            if (random.Next(10) < (step / 600 % 2 == 0 ? 8 : 2))
            {
                var range = new RangeTree.Range(first, first + (ulong)random.Next(5), step);
                if (oracle.TryAdd(first, range))
                {
                    tree.Add(range);
                }
            }
            else if (oracle.Remove(first, out var removed))
            {
                tree.Remove(removed);
            }

            if (step == 2000)
            {
                tree.Clear();
                oracle.Clear();
                tree.Length.ShouldBe(0ul);
                tree.TryFind(0, ulong.MaxValue, out _).ShouldBeFalse();
            }

            ulong start = (ulong)random.Next(1000);
            ulong end = start + (ulong)random.Next(12);
            var expected = oracle.Values.Where(one => one.Last >= start && one.First <= end).ToList();
            tree.TryFind(start, end, out var found).ShouldBe(expected.Count != 0);
            if (expected.Count != 0)
            {
                found.ShouldBe(expected[0]);
            }

            tree.LengthIn(start, end).ShouldBe(
                expected.Aggregate(0ul, (sum, one) => sum + Math.Min(one.Last, end) - Math.Max(one.First, start) + 1));
            (tree.Count, tree.Length).ShouldBe((oracle.Count, oracle.Values.Aggregate(0ul, (sum, one) => sum + one.Length)));
        }
    }

    [Theory]
    [InlineData(9ul, 9ul, 0ul)]
    [InlineData(9ul, 10ul, 1ul)]
    [InlineData(10ul, 10ul, 1ul)]
    [InlineData(19ul, 19ul, 1ul)]
    [InlineData(19ul, 30ul, 1ul)]
    [InlineData(20ul, 30ul, 0ul)]
    [InlineData(0ul, ulong.MaxValue, 10ul)]
    [InlineData(12ul, 13ul, 2ul)]
    public void A_window_has_its_ends(ulong first, ulong last, ulong length)
    {
        var tree = new RangeTree();
        tree.Add(new RangeTree.Range(10, 19, 3));
        tree.TryFind(first, last, out var found).ShouldBe(length != 0);
        if (length != 0)
        {
            found.ShouldBe(new RangeTree.Range(10, 19, 3));
        }

        tree.LengthIn(first, last).ShouldBe(length);
    }

    [Fact]
    public void The_ends_of_the_number_space_are_no_problem()
    {
        var tree = new RangeTree();
        tree.Add(new RangeTree.Range(0, 0));
        tree.Add(new RangeTree.Range(ulong.MaxValue, ulong.MaxValue));
        tree.LengthIn(0, 0).ShouldBe(1ul);
        tree.LengthIn(1, ulong.MaxValue).ShouldBe(1ul);
        tree.LengthIn(1, ulong.MaxValue - 1).ShouldBe(0ul);
        tree.LengthIn(0, ulong.MaxValue).ShouldBe(2ul);
        tree.TryFind(1, ulong.MaxValue, out var last).ShouldBeTrue();
        last.First.ShouldBe(ulong.MaxValue);
    }

    /// <summary>The nodes of what was removed are used again, and those of what was cleared.</summary>
    [Fact]
    public void A_tree_that_goes_up_and_down_allocates_nothing()
    {
        var tree = new RangeTree();
        Fill(tree);
        Allocated.By(() =>
        {
            for (ulong at = 0; at < 1000; at++)
            {
                tree.Remove(new RangeTree.Range(at * 2, at * 2));
            }

            Fill(tree);
            tree.Clear();
            Fill(tree);
        }).ShouldBe(0);

        static void Fill(RangeTree tree)
        {
            for (ulong at = 0; at < 1000; at++)
            {
                tree.Add(new RangeTree.Range(at * 2, at * 2));
            }
        }
    }
}
