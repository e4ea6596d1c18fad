namespace IommuKit.Checker.Scenarios;

/// <summary>
/// Runs work on another thread in the middle of that of the first: until it is done, or until it waits for a lock that the first thread holds. In the
/// latter case it goes on as soon as it can.
/// </summary>
internal sealed class SecondThread
{
    // Interruptions come by the thousand; each thread that has some keeps a second for them.
    [ThreadStatic]
    private static SecondThread? _mine;

    private readonly Thread _thread;
    private readonly object _gate = new();
    private Action? _work;
    private Exception? _failure;
    private volatile bool _isBusy;

    private SecondThread()
    {
        _thread = new Thread(Serve) { IsBackground = true, Name = "interrupting" };
        _thread.Start();
    }

    /// <summary>The second thread of the calling thread.</summary>
    public static SecondThread Mine => _mine ??= new SecondThread();

    /// <summary>Begins the work, and returns when it is done or cannot go on.</summary>
    public void Interrupt(Action work)
    {
        _failure = null;
        _isBusy = true;
        lock (_gate)
        {
            _work = work;
            Monitor.Pulse(_gate);
        }

        // At first it waits for the signal; after that there is nothing in the work that it could wait for but a lock.
        var spin = default(SpinWait);
        while (_isBusy && (Volatile.Read(ref _work) is not null || (_thread.ThreadState & ThreadState.WaitSleepJoin) == 0))
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    /// <summary>Waits until the work is done.</summary>
    public void Finish()
    {
        var spin = default(SpinWait);
        while (_isBusy)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        if (_failure is not null)
        {
            throw new InvalidOperationException("An operation on the second thread failed.", _failure);
        }
    }

    private void Serve()
    {
        while (true)
        {
            Action work;
            lock (_gate)
            {
                while (_work is null)
                {
                    Monitor.Wait(_gate);
                }

                work = _work;
            }

            Volatile.Write(ref _work, null);
            try
            {
                work();
            }
            catch (Exception e)
            {
                _failure = e;
            }

            _isBusy = false;
        }
    }
}
