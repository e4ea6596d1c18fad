using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace IommuKit.Sync;

/// <summary>
/// The operations under way in one domain, so that it is disposed of after them: none of them may go on to store into a table that was given to
/// somebody else.
/// </summary>
/// <remarks>
/// An operation costs two stores to memory of its thread and no fence. The one who closes pays for that, by a barrier on all processors of the
/// process.
/// </remarks>
internal sealed class OperationGate
{
    private static readonly Lock Registration = new();
    private static Slot[] s_slots = [];

    [ThreadStatic]
    private static Slot? t_slot;

    private static long s_lastId;

    // A number rather than the gate itself: the collector need not hear of a store that each operation makes.
    private readonly long _id = Interlocked.Increment(ref s_lastId);
    private bool _isClosed;

    // Operations inside operations of other domains, which only callbacks can begin.
    private int _nested;

    /// <summary>The slot of the calling thread; null if it has not been in an operation yet.</summary>
    public static Slot? Current => t_slot;

    /// <summary>Begins an operation.</summary>
    /// <returns>What <see cref="Exit"/> needs: the thread's slot; null within an operation of another domain.</returns>
    /// <exception cref="ObjectDisposedException">The domain was disposed of, or is being.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Slot? Enter()
    {
        var slot = t_slot ?? Register();
        if (slot.Current != 0)
        {
            slot = EnterNested();
        }
        else
        {
            Volatile.Write(ref slot.Current, _id);
        }

        if (Volatile.Read(ref _isClosed))
        {
            Refuse(slot);
        }

        return slot;
    }

    /// <summary>As <see cref="Enter"/>, for work that nobody waits for: it is left out if the domain was disposed of.</summary>
    public bool TryEnter(out Slot? slot)
    {
        try
        {
            slot = Enter();
            return true;
        }
        catch (ObjectDisposedException)
        {
            slot = null;
            return false;
        }
    }

    /// <summary>Ends it, on the same thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit(Slot? slot)
    {
        if (slot is null)
        {
            Interlocked.Decrement(ref _nested);
            return;
        }

        Volatile.Write(ref slot.Current, 0);
        if (slot.Pending is not null && slot.Work == 0)
        {
            slot.RunPending();
        }
    }

    /// <summary>Begins other work with registers, such as attaching a device, that no handler may get into. It may nest.</summary>
    public static void BeginWork() => (t_slot ?? Register()).Work++;

    /// <summary>Ends it, on the same thread. The caller holds no lock.</summary>
    public static void EndWork()
    {
        var slot = t_slot!;
        if (--slot.Work == 0 && slot.Current == 0 && slot.Pending is not null)
        {
            slot.RunPending();
        }
    }

    /// <summary>
    /// Leaves something to the end of what the thread is in the middle of: an interrupt may come with any access to a register, and its handler may
    /// use the same domain, whose locks the thread holds.
    /// </summary>
    /// <param name="action">What to do; asked for again meanwhile, it is done once.</param>
    /// <returns>False if the thread is in the middle of nothing: then the caller does it.</returns>
    public static bool TryLeaveToEnd(Action action)
    {
        if (t_slot is not { } slot || (slot.Current == 0 && slot.Work == 0))
        {
            return false;
        }

        if (slot.Pending is null || !slot.Pending.GetInvocationList().Contains(action))
        {
            slot.Pending += action;
        }

        return true;
    }

    /// <summary>Lets no operation begin any more, and waits for those under way.</summary>
    /// <exception cref="InvalidOperationException">The caller is in one itself: it would wait for ever.</exception>
    public void Close()
    {
        if (t_slot?.Current == _id)
        {
            throw new InvalidOperationException("A domain cannot be disposed of in the middle of one of its own operations.");
        }

        Volatile.Write(ref _isClosed, true);

        // From here on, either an operation sees that it is closed, or it is seen here.
        Interlocked.MemoryBarrierProcessWide();
        foreach (var slot in Volatile.Read(ref s_slots))
        {
            var spin = default(SpinWait);
            while (Volatile.Read(ref slot.Current) == _id && slot.Owner.IsAlive)
            {
                spin.SpinOnce();
            }
        }

        var wait = default(SpinWait);
        while (Volatile.Read(ref _nested) != 0)
        {
            wait.SpinOnce();
        }
    }

    /// <summary>Lets operations begin again, where the domain could not be disposed of.</summary>
    public void Reopen() => Volatile.Write(ref _isClosed, false);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Slot? EnterNested()
    {
        Interlocked.Increment(ref _nested);
        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Refuse(Slot? slot)
    {
        Exit(slot);
        throw new ObjectDisposedException("IommuDomain");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Slot Register()
    {
        var slot = new Slot(Thread.CurrentThread);
        lock (Registration)
        {
            Volatile.Write(ref s_slots, [.. s_slots.Where(other => other.Owner.IsAlive), slot]);
        }

        return t_slot = slot;
    }

    /// <summary>What a thread does.</summary>
    internal sealed class Slot(Thread owner) : Padded
    {
        public readonly Thread Owner = owner;

        /// <summary>The thread that registers may be the one that makes domains, whose fields all read.</summary>
        public readonly Padding Behind = new();

        /// <summary>The gate of the domain of its operation; 0 if it is in none.</summary>
        public long Current;

        /// <summary>How deep it is in other work. The thread's own.</summary>
        public int Work;

        /// <summary>What it has to do at the end of all that. The thread's own.</summary>
        public Action? Pending;

        /// <summary>Where it found a stripe of its own last; see <see cref="Sync.Stripes{TStripe}"/>. The thread's own.</summary>
        public object? Stripes;

        /// <summary>Which of them.</summary>
        public int Stripe;

        /// <summary>Does it. What throws keeps nothing else from being done; the first exception is thrown at the end.</summary>
        public void RunPending()
        {
            var pending = Pending;
            Pending = null;
            ExceptionDispatchInfo? failure = null;
            foreach (var action in pending?.GetInvocationList().Cast<Action>() ?? [])
            {
                try
                {
                    action();
                }
                catch (Exception exception)
                {
                    failure ??= ExceptionDispatchInfo.Capture(exception);
                }
            }

            failure?.Throw();
        }
    }
}
