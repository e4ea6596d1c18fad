namespace IommuKit.Traces.Tests;

public class LiveSetTests
{
    /// <summary>What is added only where nothing is keeps the set as it is otherwise.</summary>
    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 4000)]
    [InlineData(3, 400)]
    public void Adds_only_where_nothing_is_if_asked_to(int seed, int size)
    {
        var random = new Random(seed);
        var live = new LiveSet();
        bool[] oracle = new bool[size];
        for (int step = 0; step < 5000; step++)
        {
            int first = random.Next(size);
            int length = Math.Min(random.Next(1, 6), size - first);
            var part = oracle.AsSpan(first, length);
            bool isFree = !part.Contains(true);
            if (random.Next(2) == 0)
            {
                live.TryAdd((ulong)first, (ulong)(first + length - 1)).ShouldBe(isFree);
                if (isFree)
                {
                    part.Fill(true);
                }
            }
            else
            {
                live.Remove((ulong)first, (ulong)(first + length - 1));
                part.Clear();
            }

            live.Bytes.ShouldBe((ulong)oracle.Count(isLive => isLive));
        }
    }

    [Fact]
    public void The_whole_of_all_numbers_is_not_free_twice()
    {
        var live = new LiveSet();
        live.TryAdd(0, ulong.MaxValue).ShouldBeTrue();
        live.TryAdd(0, ulong.MaxValue).ShouldBeFalse();
        live.TryAdd(5, 5).ShouldBeFalse();
    }

    [Fact]
    public void No_order_of_pieces_is_slow()
    {
        var live = new LiveSet();
        RangeSetProperty.AddManyInChosenOrder(live.Add);
        live.Pieces.ShouldBe(100_000);
    }

    [Fact]
    public void Agrees_with_a_set_of_numbers() => RangeSetProperty.Check(() =>
    {
        var live = new LiveSet();
        return new RangeSetProperty(live.Add, live.Remove, () => live.Bytes, () => live.Pieces)
        {
            AlsoCheck = (first, length, oracle) =>
            {
                // The range of the last step and what is around it.
                for (int start = Math.Max(0, first - 2); start <= first + length; start++)
                {
                    int[] part = [.. Enumerable.Range(start, length).SkipWhile(number => !oracle.Contains(number)).TakeWhile(oracle.Contains)];
                    bool isFound = live.TryFindPart((ulong)start, (ulong)(start + length - 1), out ulong partFirst, out ulong partLast);
                    isFound.ShouldBe(part.Length != 0);
                    (partFirst, partLast).ShouldBe(isFound ? ((ulong)part[0], (ulong)part[^1]) : (0, 0));
                }
            },
        };
    });

    [Fact]
    public void The_ends_of_the_number_space_are_no_problem()
    {
        var live = new LiveSet();
        live.Add(ulong.MaxValue - 4095, ulong.MaxValue).ShouldBe(0ul);
        live.Add(0, 4095).ShouldBe(0ul);
        live.Add(4096, ulong.MaxValue - 4096).ShouldBe(0ul);
        live.Pieces.ShouldBe(1);
        live.Remove(1ul << 40, (1ul << 40) + 4095).ShouldBe(4096ul);
        live.Pieces.ShouldBe(2);
    }

    /// <summary>Many more pieces than one chunk holds, so that chunks are split, emptied and joined.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Agrees_with_a_bitmap_when_there_are_many_pieces(int seed)
    {
        const int space = 20_000;
        var random = new Random(seed);
        var live = new LiveSet();
        bool[] oracle = new bool[space];
        for (int step = 0; step < 30_000; step++)
        {
            // It grows and shrinks in turn; now and then a range covers many chunks.
            bool isAdd = random.Next(100) < (step / 6000 % 2 == 0 ? 90 : 20);
            int first = random.Next(space);
            int length = Math.Min(space - first, random.Next(300) == 0 ? random.Next(1, space) : random.Next(1, 3));
            var range = oracle.AsSpan(first, length);
            ulong before = (ulong)range.Count(true);
            ulong end = (ulong)(first + length - 1);
            (isAdd ? live.Add((ulong)first, end) : live.Remove((ulong)first, end)).ShouldBe(before);
            range.Fill(isAdd);
            if (step % 500 == 0)
            {
                live.Bytes.ShouldBe((ulong)oracle.AsSpan().Count(true));
                live.Pieces.ShouldBe(Enumerable.Range(0, space).Count(i => oracle[i] && (i == 0 || !oracle[i - 1])));
            }
        }
    }
}
