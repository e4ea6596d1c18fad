using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// Which pages wait for a flush, or are in flight, as far as a look without a lock can tell: never "no" for one that was marked before the look.
/// </summary>
/// <remarks>
/// Who marks holds the lock of the stripe to which it adds. Who flushes calls <see cref="Take"/> first and then goes through the locks of all
/// stripes: so what was marked among the old ones is in a stripe when it is taken, and nobody marks among them any more.
/// </remarks>
/// <param name="capacity">How many ranges wait at most, or about.</param>
/// <param name="granuleLog2">Log2 of the smallest page.</param>
internal sealed class PendingPages(int capacity, int granuleLog2)
{
    // Some ten microseconds, the later half of them left to other threads.
    private const int MostSpins = 40;

    private PageMarks _waiting = new(capacity, granuleLog2);
    private PageMarks? _inFlight;
    private PageMarks? _spare;

    /// <summary>Marks a range that waits.</summary>
    public void Mark(Interval range) => Volatile.Read(ref _waiting).Mark(range);

    /// <summary>Whether part of a range may wait, or be in flight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MayOverlap(Interval range) =>

        // Marks move from the first to the second and then away, so they are looked at in that order.
        Volatile.Read(ref _waiting).MayOverlap(range) || (Volatile.Read(ref _inFlight)?.MayOverlap(range) ?? false);

    /// <summary>
    /// Enters the lock of those who flush, for a range that may wait. A flush that is in flight may be that of the range, and is over in a moment where
    /// the hardware is quick: to sleep and be woken would take many times as long.
    /// </summary>
    /// <returns>False, and nothing entered, if the range was flushed meanwhile.</returns>
    public bool TryEnterToFlush(Lock flushGate, Interval range)
    {
        var spin = default(SpinWait);
        while (!flushGate.TryEnter())
        {
            if (!MayOverlap(range))
            {
                return false;
            }

            if (spin.Count >= MostSpins)
            {
                flushGate.Enter();
                return true;
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }

        return true;
    }

    /// <summary>What waits is in flight from now on. One thread at a time flushes.</summary>
    public void Take()
    {
        var taken = _waiting;
        Volatile.Write(ref _inFlight, taken);
        Volatile.Write(ref _waiting, _spare ?? new PageMarks(capacity, granuleLog2));
        _spare = null;
    }

    /// <summary>What was in flight is flushed.</summary>
    public void Done()
    {
        var flushed = _inFlight!;
        Volatile.Write(ref _inFlight, null);
        flushed.Clear();
        _spare = flushed;
    }
}
