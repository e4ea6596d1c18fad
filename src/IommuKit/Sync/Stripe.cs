using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>A part of what threads add to, with a lock of its own; see <see cref="Stripes{TStripe}"/>.</summary>
internal abstract class Stripe : Padded
{
    // Threads that take turns this often, so soon after each other, work at the same time. One that goes on where another one stopped does not.
    private const int SoonUses = 64;
    private const int ManyTurns = 8;

    /// <summary>The next object may be another stripe, whose type is read with every use.</summary>
    public readonly Padding Behind = new();

    private ShortLock _gate;
    private int _last;
    private int _uses;
    private int _turns;

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
        _uses++;
        if (_last == thread)
        {
            return false;
        }

        _last = thread;
        _turns = _uses <= SoonUses ? _turns + 1 : 0;
        _uses = 0;
        if (_turns < ManyTurns)
        {
            return false;
        }

        // One of them goes, not both.
        _turns = 0;
        return true;
    }
}
