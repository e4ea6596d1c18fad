namespace IommuKit.Models.Dma;

/// <summary>
/// Lets an invalidation wait for the accesses of devices that began before it, as hardware does: an access translates and reaches memory between
/// <see cref="Enter"/> and the end of the lease, and the code that makes a translation invalid calls <see cref="Drain"/> before the invalidation counts as
/// complete.
/// </summary>
/// <remarks>
/// <para>Thread-safe, and without a lock around accesses. Memory that is a callback may make invalidations in the middle of an access, of any model: its own
/// thread's accesses are not waited for, nor are those of other threads that wait in the same way. It must not wait for a lock that another thread
/// may hold while it makes one, such as that of a domain's operation.</para>
/// <para>What has to be told in the middle of an access, such as an interrupt, is told when the access has ended (<see cref="WhenEnded"/>), so that its
/// listener may do anything.</para>
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
    // A thread that ended within an access is looked for only now and then.
    private const int SpinsPerLook = 64;

    [ThreadStatic]
    private static ThreadAccesses? t_thread;

    // The slot that the thread used last: most have one model in front of them.
    [ThreadStatic]
    private static Slot? t_last;

    private readonly Lock _registration = new();
    private Slot[] _slots = [];
    private long _drains;

    /// <summary>How often <see cref="Drain"/> was called: accesses that began before the last call have ended when it returns.</summary>
    public long Drains => Volatile.Read(ref _drains);

    /// <summary>Begins an access. Accesses of a thread may nest.</summary>
    /// <returns>What ends it when disposed of, on the same thread.</returns>
    public Lease Enter()
    {
        var slot = t_last is { } last && last.Gate == this ? last : FindSlot();
        return slot.Enter();
    }

    /// <summary>Does something when the thread's access through this gate has ended: at once if there is none.</summary>
    /// <param name="action">
    /// What to do. The same action asked for again during one access is done once; one that throws keeps no other from being done.
    /// </param>
    public void WhenEnded(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (t_thread is not { Leases: > 0 } thread)
        {
            action();
            return;
        }

        var slot = t_last is { } last && last.Gate == this ? last : FindSlotOf(thread);
        if (slot is { IsUsed: true })
        {
            slot.DoWhenEnded(action);
        }
        else
        {
            action();
        }
    }

    /// <summary>Waits until every access has ended that began before the call, but for those that the remarks name.</summary>
    public void Drain()
    {
        // A full fence: what was made invalid must be so to every access that is not seen here.
        Interlocked.Increment(ref _drains);
        var slots = Volatile.Read(ref _slots);
        var own = t_thread is { Leases: > 0 } thread ? thread : null;
        bool wasWaiting = own?.IsWaiting ?? false;
        if (own is not null)
        {
            own.IsWaiting = true;
        }

        try
        {
            foreach (var slot in slots)
            {
                if (slot.Owner.Thread != Thread.CurrentThread)
                {
                    slot.WaitForAccess(exceptWaiting: own is not null);
                }
            }
        }
        finally
        {
            if (own is not null)
            {
                own.IsWaiting = wasWaiting;
            }
        }
    }

    /// <summary>The slot that a thread has already. Apart, as a delegate that captures takes memory, which nobody but one in an access has to pay.</summary>
    private Slot? FindSlotOf(ThreadAccesses thread) => Array.Find(Volatile.Read(ref _slots), one => one.Owner == thread);

    private Slot FindSlot()
    {
        var thread = t_thread ??= new ThreadAccesses();
        lock (_registration)
        {
            var slot = Array.Find(_slots, candidate => candidate.Owner == thread);
            if (slot is null)
            {
                slot = new Slot(this, thread);
                Volatile.Write(ref _slots, [.. _slots.Where(candidate => candidate.Owner.Thread.IsAlive), slot]);
            }

            return t_last = slot;
        }
    }

    /// <summary>An access under way.</summary>
    public readonly ref struct Lease
    {
        private readonly Slot? _slot;
        private readonly long _stamp;
        private readonly int _depth;

        internal Lease(Slot slot, long stamp, int depth)
        {
            _slot = slot;
            _stamp = stamp;
            _depth = depth;
        }

        /// <summary>Ends the access; a second time, it does nothing.</summary>
        public void Dispose() => _slot?.Exit(_stamp, _depth);
    }

    /// <summary>The accesses of one thread through all gates.</summary>
    internal sealed class ThreadAccesses
    {
        private bool _isWaiting;

        public Thread Thread { get; } = Thread.CurrentThread;

        /// <summary>Gates that the thread is in. Its own.</summary>
        public int Leases { get; set; }

        public bool IsWaiting
        {
            get => Volatile.Read(ref _isWaiting);
            set => Volatile.Write(ref _isWaiting, value);
        }
    }

    /// <summary>The accesses of one thread through one gate.</summary>
    internal sealed class Slot(AccessGate gate, ThreadAccesses owner)
    {
        private int _depth;

        // Odd while an access is under way, and never the same twice.
        private long _stamp;

        // What is to be done when the access has ended. The thread's own.
        private readonly List<Action> _ended = [];

        public AccessGate Gate { get; } = gate;

        public ThreadAccesses Owner { get; } = owner;

        public bool IsUsed => (Volatile.Read(ref _stamp) & 1) != 0;

        public Lease Enter()
        {
            if (_depth++ == 0)
            {
                Owner.Leases++;

                // The exchange is a full fence: no translation is looked up before others can see this.
                Interlocked.Exchange(ref _stamp, _stamp + 1);
            }

            return new Lease(this, _stamp, _depth);
        }

        public void Exit(long stamp, int depth)
        {
            // A lease that ended already, or of another time, ends nothing.
            if (stamp != _stamp || depth > _depth)
            {
                return;
            }

            _depth = depth - 1;
            if (_depth != 0)
            {
                return;
            }

            Owner.Leases--;
            Volatile.Write(ref _stamp, _stamp + 1);
            if (_ended.Count == 1)
            {
                // As nearly always: without an array.
                var only = _ended[0];
                _ended.Clear();
                only();
            }
            else if (_ended.Count != 0)
            {
                Action[] ended = [.. _ended];
                _ended.Clear();
                DoAll(ended);
            }
        }

        /// <summary>Asks for something to be done at the end of the access that is under way. For the thread itself.</summary>
        public void DoWhenEnded(Action action)
        {
            if (!_ended.Contains(action))
            {
                _ended.Add(action);
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
            while (Volatile.Read(ref _stamp) == stamp && !(exceptWaiting && Owner.IsWaiting))
            {
                spin.SpinOnce();
                if (spin.Count % SpinsPerLook == 0 && !Owner.Thread.IsAlive)
                {
                    return;
                }
            }
        }

        private static void DoAll(ReadOnlySpan<Action> actions)
        {
            if (actions.IsEmpty)
            {
                return;
            }

            try
            {
                actions[0]();
            }
            finally
            {
                DoAll(actions[1..]);
            }
        }
    }
}
