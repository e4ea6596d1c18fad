namespace IommuKit.Traces.Tests;

public class SortedKeysTests
{
    /// <summary>Around every size at which the search or the array changes, and for every number beside a key.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    public void Keys_below_a_number_are_counted(int capacity)
    {
        var keys = new SortedKeys(capacity);
        keys.CountBelow(ulong.MaxValue).ShouldBe(0);
        for (int count = 1; count <= 200; count++)
        {
            keys.Resize(count - 1, 0, 1);
            keys[count - 1] = (ulong)count * 10;
            for (int key = 1; key <= count; key++)
            {
                keys.CountBelow((ulong)key * 10).ShouldBe(key - 1);
                keys.CountBelow(((ulong)key * 10) + 1).ShouldBe(key);
            }

            keys.CountBelow(ulong.MaxValue).ShouldBe(count);
        }

        // What goes away counts for nothing.
        for (int count = 199; count >= 0; count--)
        {
            keys.Resize(0, 1, 0);
            keys.Count.ShouldBe(count);
            keys.CountBelow(ulong.MaxValue).ShouldBe(count);
            keys.CountBelow(((200ul - (ulong)count) * 10) + 1).ShouldBe(0);
        }
    }

    [Fact]
    public void Keys_are_moved_to_make_room()
    {
        var keys = new SortedKeys(4);
        keys.Resize(0, 0, 3);
        (keys[0], keys[1], keys[2]) = (1, 2, 9);
        keys.Resize(1, 1, 3);
        (keys[1], keys[2], keys[3]) = (4, 5, 6);
        Enumerable.Range(0, keys.Count).Select(index => keys[index]).ShouldBe([1ul, 4ul, 5ul, 6ul, 9ul]);
        var others = new SortedKeys(4);
        others.Resize(0, 0, 2);
        (others[0], others[1]) = (3, 12);
        keys.Append(others, 1);
        Enumerable.Range(0, keys.Count).Select(index => keys[index]).ShouldBe([1ul, 4ul, 5ul, 6ul, 9ul, 12ul]);
        keys.CountBelow(12).ShouldBe(5);
    }

    [Fact]
    public void A_piece_that_starts_where_a_range_ends_counts()
    {
        var chunk = new PieceChunk();
        chunk.Replace(0, 0, [new Piece(10, 19), new Piece(30, 39)]);
        chunk.Find(19).ShouldBe(0);
        chunk.Find(20).ShouldBe(1);
        chunk.Find(40).ShouldBe(2);
        chunk.CountTo(0, 9).ShouldBe(0);
        chunk.CountTo(0, 10).ShouldBe(1);
        chunk.CountTo(0, 29).ShouldBe(1);
        chunk.CountTo(0, 30).ShouldBe(2);
        chunk.Overlap(0, 2, 19, 30).ShouldBe(2ul);
        chunk.Overlap(0, 2, 20, 29).ShouldBe(0ul);
    }
}
