using System.Diagnostics;
using IommuKit.Sync;

namespace IommuKit.Tests.Sync;

/// <summary>Which threads are told to go to a stripe of their own.</summary>
public class StripeTests
{
    [Fact]
    public void One_of_two_threads_that_take_turns_goes() =>
        //// From the eighth turn that came soon one of the two knows; the other needs as many again.
        Told(turns: 20, microseconds: 1).ShouldBe([8, 16]);

    [Fact]
    public void A_thread_that_goes_on_where_another_one_stopped_stays() => Told(turns: 100, microseconds: 20).ShouldBeEmpty();

    [Fact]
    public void A_thread_alone_takes_no_turns()
    {
        var stripe = new OwedRuns(1);
        for (int use = 0; use < 100; use++)
        {
            stripe.Enter();
            stripe.IsContested().ShouldBeFalse();
            stripe.Exit();
        }
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

    /// <summary>Has two threads take turns, and returns the turns in which one was told to go.</summary>
    private static List<int> Told(int turns, int microseconds)
    {
        var stripe = new OwedRuns(1);
        long step = Stopwatch.Frequency * microseconds / 1_000_000;
        return [.. Enumerable.Range(0, turns).Where(turn => stripe.IsContested(1 + (turn & 1), Stopwatch.Frequency + (turn * step)))];
    }
}
