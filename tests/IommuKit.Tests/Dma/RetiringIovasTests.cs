using IommuKit.Dma;

namespace IommuKit.Tests.Dma;

/// <summary>What waits for a flush, against a plain list.</summary>
public sealed class RetiringIovasTests
{
    [Fact]
    public void Each_range_comes_back_once_with_what_it_was_added_with_however_many_want_the_same_place()
    {
        var retiring = new RetiringIovas(12);
        var oracle = new Dictionary<ulong, (IovaRange Range, Action Gone)>();
        var random = new Random(5);
        for (int step = 0; step < 20_000; step++)
        {
            // Many that differ by a multiple of the table only.
            ulong iova = (ulong)random.Next(1, 20) << (random.Next(2) == 0 ? 12 : 22);
            if (random.Next(2) == 0)
            {
                var range = new IovaRange(iova, 4096, step, step);
                Action gone = () => step++;
                retiring.TryAdd(iova, range, gone).ShouldBe(oracle.TryAdd(iova, (range, gone)));
            }
            else
            {
                retiring.TryTake(iova, out var range, out var gone).ShouldBe(oracle.Remove(iova, out var expected));
                range.ShouldBe(expected.Range);
                gone.ShouldBe(expected.Gone);
            }
        }
    }

    [Fact]
    public void Parts_of_a_window_may_wait_at_the_same_IOVA()
    {
        var retiring = new RetiringIovas(12);
        int left = 0;
        Action gone = () => left++;
        for (int i = 0; i < 3; i++)
        {
            retiring.TryAdd(0x5000, default, gone).ShouldBeTrue();
        }

        for (int i = 0; i < 3; i++)
        {
            retiring.TryTake(0x5000, out var range, out var found).ShouldBeTrue();
            range.IsEmpty.ShouldBeTrue();
            found.ShouldBe(gone);
        }

        retiring.TryTake(0x5000, out _, out _).ShouldBeFalse();
        left.ShouldBe(0);
    }

    [Fact]
    public void Threads_that_meet_lose_nothing()
    {
        var retiring = new RetiringIovas(12);
        int[] lost = new int[3];
        var threads = Enumerable.Range(0, lost.Length).Select(number => new Thread(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                // Neighbours of the other threads, and the same places as theirs.
                ulong iova = ((ulong)(1 + (i % 50)) << 22) + ((ulong)number << 12);
                var range = new IovaRange(iova, 4096, number, i);
                lost[number] += retiring.TryAdd(iova, range, null) && retiring.TryTake(iova, out var taken, out _) && taken == range ? 0 : 1;
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        lost.ShouldBe([0, 0, 0]);
    }
}
