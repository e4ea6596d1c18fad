using IommuKit.Sync;

namespace IommuKit.Tests.Sync;

/// <summary>Which threads are told to go to a stripe of their own.</summary>
public class StripeTests
{
    [Fact]
    public void One_of_two_threads_that_take_turns_goes()
    {
        var stripe = new OwedRuns(1);
        var told = Enumerable.Range(0, 16).Where(step => stripe.IsContested(1 + (step & 1))).ToList();

        // From the eighth turn on one of the two knows; the other needs as many turns again, and gets none.
        told[0].ShouldBe(7);
        stripe.IsContested(1).ShouldBeFalse();
    }

    [Fact]
    public void A_thread_that_goes_on_where_another_one_stopped_stays()
    {
        var stripe = new OwedRuns(1);
        for (int thread = 1; thread <= 100; thread++)
        {
            for (int use = 0; use < 65; use++)
            {
                stripe.IsContested(thread).ShouldBeFalse();
            }
        }
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
}
