namespace IommuKit.Models.Dma;

/// <summary>
/// Lets an invalidation wait for the accesses of devices that began before it, as hardware does: an access translates and reaches memory between
/// <see cref="Enter"/> and the end of the lease, and whoever made a translation invalid calls <see cref="Drain"/> before the invalidation counts as
/// complete.
/// </summary>
/// <remarks>
/// Thread-safe, and without a lock around accesses. A callback in the middle of an access, of memory or of an interrupt, may make invalidations: its
/// own thread's access is not waited for, nor are those of other threads that wait in the same way themselves.
/// </remarks>
/// <example>
/// <code>
/// using (model.Accesses.Enter())
/// {
///     var translation = model.Translate(request);
///     if (translation.IsAllowed)
///     {
///         memory.TryWrite(translation.PhysicalOf(request.Iova), data);
///     }
/// }
/// </code>
/// </example>
public sealed class AccessGate
{
    // The slot that the thread used last: most have one model in front of them.
    [ThreadStatic]
    private static Slot? t_last;

    private readonly object _registration = new();
    private Slot[] _slots = [];

    /// <summary>Begins an access. Accesses of a thread may nest.</summary>
    /// <returns>What ends it when disposed of, on the same thread.</returns>
    public Lease Enter()
    {
        var slot = t_last is { } last && last.Gate == this ? last : FindSlot();
        slot.Enter();
        return new Lease(slot);
    }

    /// <summary>Waits until every access has ended that began before the call, but for those that the remarks name.</summary>
    public void Drain()
    {
        // What was made invalid must be so to every access that is not seen here.
        Interlocked.MemoryBarrier();
        var slots = Volatile.Read(ref _slots);
        Slot? own = null;
        foreach (var slot in slots)
        {
            if (slot.IsUsed && slot.Owner == Thread.CurrentThread)
            {
                own = slot;
                own.IsWaiting = true;
            }
        }

        try
        {
            foreach (var slot in slots)
            {
                if (slot != own)
                {
                    slot.WaitForAccess(exceptWaiting: own is not null);
                }
            }
        }
        finally
        {
            if (own is not null)
            {
                own.IsWaiting = false;
            }
        }
    }

    private Slot FindSlot()
    {
        var thread = Thread.CurrentThread;
        lock (_registration)
        {
            var slot = Array.Find(_slots, candidate => candidate.Owner == thread);
            if (slot is null)
            {
                slot = new Slot(this, thread);

                // Threads that ended leave no access behind.
                Volatile.Write(ref _slots, [.. _slots.Where(candidate => candidate.Owner.IsAlive), slot]);
            }

            return t_last = slot;
        }
    }

    /// <summary>An access under way.</summary>
    public readonly ref struct Lease
    {
        private readonly Slot? _slot;

        internal Lease(Slot slot) => _slot = slot;

        /// <summary>Ends the access.</summary>
        public void Dispose() => _slot?.Exit();
    }

    /// <summary>The accesses of one thread.</summary>
    internal sealed class Slot(AccessGate gate, Thread owner)
    {
        private int _depth;

        // Odd while an access is under way, and never the same twice.
        private long _stamp;
        private bool _isWaiting;

        public AccessGate Gate { get; } = gate;

        public Thread Owner { get; } = owner;

        public bool IsUsed => (Volatile.Read(ref _stamp) & 1) != 0;

        public bool IsWaiting
        {
            get => Volatile.Read(ref _isWaiting);
            set => Volatile.Write(ref _isWaiting, value);
        }

        public void Enter()
        {
            if (_depth++ == 0)
            {
                // The exchange is a full fence: no translation is looked up before others can see this.
                Interlocked.Exchange(ref _stamp, _stamp + 1);
            }
        }

        public void Exit()
        {
            if (--_depth == 0)
            {
                Volatile.Write(ref _stamp, _stamp + 1);
            }
        }

        public void WaitForAccess(bool exceptWaiting)
        {
            long stamp = Volatile.Read(ref _stamp);
            if ((stamp & 1) == 0)
            {
                return;
            }

            var spin = default(SpinWait);
            while (Volatile.Read(ref _stamp) == stamp && !(exceptWaiting && IsWaiting))
            {
                spin.SpinOnce();
            }
        }
    }
}
