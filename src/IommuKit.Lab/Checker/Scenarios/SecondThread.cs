namespace IommuKit.Lab.Checker.Scenarios;

/// <summary>
/// Runs work on another thread in the middle of that of the first: until it is done, or until it waits for a lock that the first thread holds. In the latter case it
/// goes on as soon as it can.
/// </summary>
internal sealed class SecondThread
{
    private Thread? _thread;
    private Exception? _failure;

    /// <summary>Begins the work, and returns when it cannot go on.</summary>
    public void Interrupt(Action work)
    {
        _thread = new Thread(() =>
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                _failure = e;
            }
        });
        _thread.Start();

        // There is nothing else in the work that it could wait for.
        var spin = default(SpinWait);
        while (_thread.IsAlive && (_thread.ThreadState & ThreadState.WaitSleepJoin) == 0)
        {
            spin.SpinOnce();
        }
    }

    /// <summary>Waits until the work is done.</summary>
    public void Finish()
    {
        _thread?.Join();
        _thread = null;
        if (_failure is not null)
        {
            throw new InvalidOperationException("An operation on the second thread failed.", _failure);
        }
    }
}
