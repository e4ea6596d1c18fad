using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// A lock that is held for nanoseconds: it takes one atomic operation where <see cref="Lock"/> takes two. One who finds it taken spins, and lets others
/// run if that takes longer; nobody sleeps. The thread that holds it may enter again, as a callback may.
/// </summary>
/// <remarks>A field of this type must not be read-only.</remarks>
internal struct ShortLock
{
    private int _owner;
    private int _depth;

    /// <summary>The number of the thread that holds it; 0 if none does.</summary>
    public readonly int Owner => _owner;

    /// <summary>Waits until nobody else holds it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        int thread = Environment.CurrentManagedThreadId;
        if (Interlocked.CompareExchange(ref _owner, thread, 0) != 0)
        {
            Wait(thread);
        }
    }

    /// <summary>Enters if nobody holds it.</summary>
    public bool TryEnter() => Interlocked.CompareExchange(ref _owner, Environment.CurrentManagedThreadId, 0) == 0;

    /// <summary>Gives it back, on the thread that entered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit()
    {
        if (_depth != 0)
        {
            _depth--;
            return;
        }

        Volatile.Write(ref _owner, 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait(int thread)
    {
        if (Volatile.Read(ref _owner) == thread)
        {
            _depth++;
            return;
        }

        var spin = default(SpinWait);
        do
        {
            // Its holder may not run at all at this moment.
            spin.SpinOnce(sleep1Threshold: -1);
        }
        while (Volatile.Read(ref _owner) != 0 || Interlocked.CompareExchange(ref _owner, thread, 0) != 0);
    }
}
