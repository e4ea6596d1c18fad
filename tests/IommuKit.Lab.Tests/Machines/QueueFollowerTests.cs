using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Tests.Machines;

/// <summary>Which entries a doorbell hands over.</summary>
public class QueueFollowerTests
{
    [Fact]
    public void Without_a_wrap_bit_the_end_comes_around_to_the_start()
    {
        var queue = new QueueFollower(0x1000, 16, 4, hasWrapBit: false, next: 2);
        Take(ref queue, 2).ShouldBeEmpty();
        Take(ref queue, 1).ShouldBe([0x1020, 0x1030, 0x1000]);
        Take(ref queue, 1).ShouldBeEmpty();
    }

    [Fact]
    public void With_one_a_full_queue_is_not_an_empty_one()
    {
        var queue = new QueueFollower(0x2000, 32, 2, hasWrapBit: true, next: 0);
        Take(ref queue, 2).ShouldBe([0x2000, 0x2020]);
        Take(ref queue, 0).ShouldBe([0x2000, 0x2020], "the other way round");
        Take(ref queue, 1).ShouldBe([0x2000]);
    }

    private static List<ulong> Take(ref QueueFollower queue, uint end)
    {
        var taken = new List<ulong>();
        while (queue.TryNext(end, out ulong address))
        {
            taken.Add(address);
        }

        return taken;
    }
}
