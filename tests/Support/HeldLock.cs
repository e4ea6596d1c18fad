namespace IommuKit.TestSupport;

/// <summary>
/// Shows that work takes a lock, and does not leave that to chance: while the test holds the lock, the work either comes to wait for
/// it or ends.
/// </summary>
internal static class HeldLock
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The work waits for a lock.</summary>
    /// <param name="gate">The lock.</param>
    /// <param name="work">What should take it.</param>
    /// <param name="meanwhile">What must hold while the work waits.</param>
    public static void ShouldStop(Lock gate, Action work, Action? meanwhile = null) =>
        ShouldStop(gate.Enter, gate.Exit, After(work), meanwhile);

    /// <summary>As <see cref="ShouldStop(Lock, Action, Action?)"/>, for a lock of any kind, after some point that the work says itself.</summary>
    /// <param name="enter">Takes the lock.</param>
    /// <param name="exit">Gives it back.</param>
    /// <param name="work">What should take it, given what it calls when it has come to that point.</param>
    public static void ShouldStop(Action enter, Action exit, Action<Action> work) => ShouldStop(enter, exit, work, meanwhile: null);

    /// <summary>The work waits for a lock after some point, which it says itself: the lock is held from then on.</summary>
    public static void ShouldStopInside(Lock gate, Action<Action> work) => ShouldStop(gate.Enter, gate.Exit, work, meanwhile: null);

    private static Action<Action> After(Action work) => hold =>
    {
        hold();
        work();
    };

    private static void ShouldStop(Action enter, Action exit, Action<Action> work, Action? meanwhile)
    {
        bool isReached = false;
        bool isHeld = false;
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() => work(Hold))) { IsBackground = true };
        thread.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref isReached) || !thread.IsAlive, Patience).ShouldBeTrue();
        enter();
        try
        {
            Volatile.Write(ref isHeld, true);
            SpinWait.SpinUntil(() => !thread.IsAlive || (thread.ThreadState & ThreadState.WaitSleepJoin) != 0, Patience).ShouldBeTrue();
            thread.IsAlive.ShouldBeTrue("It went on though another thread holds the lock.");
            meanwhile?.Invoke();
        }
        finally
        {
            exit();
        }

        thread.Join(Patience).ShouldBeTrue();
        failure.ShouldBeNull();

        void Hold()
        {
            Volatile.Write(ref isReached, true);

            // Not by a wait, which would look like the one for the lock.
            while (!Volatile.Read(ref isHeld))
            {
                Thread.Yield();
            }
        }
    }
}
