using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>A part of what threads add to, with a lock of its own; see <see cref="Stripes{TStripe}"/>.</summary>
internal abstract class Stripe : Padded
{
    // Threads that take turns so often, one so soon after the other, work at the same time. A replay that has another thread go on with a domain, and
    // whose results must not depend on that, does so after many times as long.
    private const int ManyTurns = 8;
    private const int SoonMicroseconds = 10;
    private static readonly long Soon = Stopwatch.Frequency * SoonMicroseconds / 1_000_000;

    /// <summary>The next object may be another stripe, whose type is read with every use.</summary>
    public readonly Padding Behind = new();

    private ShortLock _gate;
    private int _last;
    private int _turns;
    private long _turned;

    /// <summary>Enters the lock of those who add or take.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter() => _gate.Enter();

    /// <summary>Enters it if nobody is in it.</summary>
    public bool TryEnter() => _gate.TryEnter();

    /// <summary>Leaves it, on the same thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit() => _gate.Exit();

    /// <summary>
    /// Notes that the thread in the lock is about to add. True if threads take turns here again and again: they meet at the lock seldom, but each time
    /// its cache line has to come from the other processor.
    /// </summary>
    public bool IsContested()
    {
        int thread = _gate.Owner;
        return _last != thread && IsContested(thread, Stopwatch.GetTimestamp());
    }

    /// <summary>The same, where it is another thread than before.</summary>
    /// <param name="thread">Its number.</param>
    /// <param name="now">The time, as of <see cref="Stopwatch"/>.</param>
    internal bool IsContested(int thread, long now)
    {
        _turns = now - _turned <= Soon ? _turns + 1 : 0;
        _turned = now;
        _last = thread;
        if (_turns < ManyTurns)
        {
            return false;
        }

        // One of them goes, not both.
        _turns = 0;
        return true;
    }
}
