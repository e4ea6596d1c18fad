using IommuKit.Sync;

namespace IommuKit.Tests.Sync;

/// <summary>Which threads are told to go to a stripe of their own.</summary>
public class StripeTests
{
    [Fact]
    public void One_of_two_threads_that_take_turns_goes()
    {
        var stripe = new OwedRuns(1);
        var told = TakeTurns(stripe, threads: 2, usesEach: 1, turns: 16);

        // From the eighth turn on one of the two knows; the other needs as many turns again.
        told.ShouldBe([7, 15]);
    }

    [Fact]
    public void A_thread_that_goes_on_where_another_one_stopped_stays()
    {
        var stripe = new OwedRuns(1);
        TakeTurns(stripe, threads: 2, usesEach: 65, turns: 100).ShouldBeEmpty();
        TakeTurns(stripe, threads: 1, usesEach: 100, turns: 1).ShouldBeEmpty();
    }

    [Fact]
    public void The_thread_that_holds_the_lock_may_enter_again_and_others_may_not()
    {
        var stripe = new OwedRuns(1);
        stripe.Enter();
        stripe.Enter();
        stripe.Exit();
        var other = new Thread(() => stripe.TryEnter().ShouldBeFalse());
        other.Start();
        other.Join();
        stripe.Exit();
        stripe.TryEnter().ShouldBeTrue();
        stripe.Exit();
    }

    [Fact]
    public void A_count_under_the_lock_loses_nothing()
    {
        var stripe = new OwedRuns(1);
        int count = 0;
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                stripe.Enter();
                count++;
                stripe.Exit();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        count.ShouldBe(80_000);
    }

    [Fact]
    public void One_who_finds_the_flush_of_his_range_in_flight_need_not_flush()
    {
        var pages = new PendingPages(4, 12);
        var gate = new Lock();
        var range = Interval.At(0x4000_0000, 0x1000);
        pages.Mark(range);
        using var isHeld = new ManualResetEventSlim();
        using var mayEnd = new ManualResetEventSlim();
        var flusher = new Thread(() =>
        {
            lock (gate)
            {
                pages.Take();
                isHeld.Set();
                mayEnd.Wait();
                pages.Done();
            }
        });
        flusher.Start();
        isHeld.Wait();
        pages.MayOverlap(range).ShouldBeTrue();
        mayEnd.Set();
        if (pages.TryEnterToFlush(gate, range))
        {
            // It had to wait for the lock after all: then nothing is left to do under it.
            pages.MayOverlap(range).ShouldBeFalse();
            gate.Exit();
        }

        flusher.Join();
        pages.MayOverlap(range).ShouldBeFalse();
        pages.TryEnterToFlush(gate, range).ShouldBeTrue();
        gate.Exit();
    }

    /// <summary>Has threads use a stripe one after the other, and returns the turns in which one was told to go.</summary>
    private static List<int> TakeTurns(OwedRuns stripe, int threads, int usesEach, int turns)
    {
        var told = new List<int>();
        int turn = 0;
        var all = Enumerable.Range(0, threads).Select(index => new Thread(() =>
        {
            for (int mine = index; mine < turns; mine += threads)
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref turn) == mine);
                for (int use = 0; use < usesEach; use++)
                {
                    stripe.Enter();
                    if (stripe.IsContested())
                    {
                        told.Add(mine);
                    }

                    stripe.Exit();
                }

                Volatile.Write(ref turn, mine + 1);
            }
        })).ToList();
        all.ForEach(thread => thread.Start());
        all.ForEach(thread => thread.Join());
        return told;
    }
}
