using IommuKit.Models.Interrupts;

namespace IommuKit.Models.Tests.Interrupts;

public class InterruptLineTests
{
    [Fact]
    public void Changes_are_told_once_and_in_order()
    {
        var line = new InterruptLine();
        var told = new List<bool>();
        Change(true);
        Change(true);
        Change(false);
        line.Set(true);
        line.Set(false);
        line.Set(true);
        line.Tell(told.Add);
        told.ShouldBe([true, false, true, false, true]);
        line.IsRaised.ShouldBeTrue();

        void Change(bool level)
        {
            line.Set(level);
            line.Tell(told.Add);
        }
    }

    [Fact]
    public void What_a_listener_changes_is_told_after_it_has_returned()
    {
        var line = new InterruptLine();
        var told = new List<string>();
        line.Set(true);
        line.Tell(Listen);
        told.ShouldBe(["begin True", "end True", "begin False", "end False"]);

        void Listen(bool level)
        {
            told.Add($"begin {level}");
            if (level)
            {
                line.Set(false);
                line.Tell(Listen);
            }

            told.Add($"end {level}");
        }
    }

    [Fact]
    public void A_change_on_another_thread_waits_for_the_listener()
    {
        var line = new InterruptLine();
        var told = new List<bool>();
        using var isTold = new ManualResetEventSlim();
        using var mayReturn = new ManualResetEventSlim();
        line.Set(true);
        var first = new Thread(() => line.Tell(level =>
        {
            isTold.Set();
            mayReturn.Wait();
            told.Add(level);
        }));
        first.Start();
        isTold.Wait();
        line.Set(false);
        line.Tell(told.Add);
        told.ShouldBeEmpty();
        line.IsRaised.ShouldBeFalse();
        mayReturn.Set();
        first.Join();
        told.ShouldBe([true, false]);
    }

    [Fact]
    public void A_listener_that_throws_loses_nothing_that_comes_later()
    {
        var line = new InterruptLine();
        var told = new List<bool>();
        line.Set(true);
        Should.Throw<InvalidOperationException>(() => line.Tell(_ => throw new InvalidOperationException()));
        line.Set(false);
        line.Tell(told.Add);
        told.ShouldBe([false]);
    }

    [Fact]
    public void What_was_left_to_a_listener_that_throws_is_told_all_the_same()
    {
        var line = new InterruptLine();
        var told = new List<bool>();
        line.Set(true);
        Should.Throw<InvalidOperationException>(() => line.Tell(level =>
        {
            told.Add(level);
            if (level)
            {
                // As another thread would, that returns before it is told of.
                line.Set(false);
                line.Tell(told.Add);
                throw new InvalidOperationException();
            }
        }));
        told.ShouldBe([true, false]);
    }

    [Fact]
    public void The_last_level_that_is_told_is_the_level_of_the_line_whatever_threads_do()
    {
        var line = new InterruptLine();
        var gate = new Lock();
        bool isPending = false;
        bool last = false;
        long told = 0;
        Parallel.For(0, 4, thread =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                lock (gate)
                {
                    isPending = ((thread + i) & 1) == 0;
                    line.Set(isPending);
                }

                line.Tell(level =>
                {
                    level.ShouldNotBe(last);
                    last = level;
                    told++;
                });
            }
        });
        line.Tell(level => last = level);
        last.ShouldBe(line.IsRaised);
        last.ShouldBe(isPending);
        told.ShouldBePositive();
    }
}
