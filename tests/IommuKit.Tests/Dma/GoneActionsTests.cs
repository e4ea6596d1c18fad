using IommuKit.Dma;

namespace IommuKit.Tests.Dma;

/// <summary>What is called when no device can use something any more, against a plain dictionary.</summary>
public sealed class GoneActionsTests
{
    [Fact]
    public void Each_action_comes_back_by_its_number_once_and_numbers_are_used_again()
    {
        var actions = new GoneActions();
        var oracle = new Dictionary<int, Action>();
        var random = new Random(5);
        int most = 0;
        for (int step = 0; step < 5000; step++)
        {
            if (random.Next(2) == 0 || oracle.Count == 0)
            {
                int own = step;
                Action gone = () => own++;
                int number = actions.Add(gone);
                number.ShouldBeGreaterThan(0);
                oracle.TryAdd(number, gone).ShouldBeTrue();
                most = Math.Max(most, oracle.Count);
            }
            else
            {
                int number = oracle.Keys.ElementAt(random.Next(oracle.Count));
                actions.Take(number).ShouldBe(oracle[number]);
                oracle.Remove(number);
            }

            (oracle.Count == 0 || oracle.Keys.Max() <= most).ShouldBeTrue();
        }
    }

    [Fact]
    public void Threads_that_meet_get_their_own()
    {
        var actions = new GoneActions();
        int[] called = new int[3];
        var threads = Enumerable.Range(0, called.Length).Select(number => new Thread(() =>
        {
            Action own = () => called[number]++;
            for (int i = 0; i < 10_000; i++)
            {
                actions.Take(actions.Add(own))();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        called.ShouldBe([10_000, 10_000, 10_000]);
    }
}
