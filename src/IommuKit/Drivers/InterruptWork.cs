using IommuKit.Sync;

namespace IommuKit.Drivers;

/// <summary>
/// What a driver does when its interrupt is raised: one call at a time, outside all locks, and not in the middle of an operation of a domain.
/// </summary>
/// <remarks>
/// An interrupt that comes while another is handled, on whatever thread, is left to the call that is at work; one that comes in the middle of an
/// operation, on its thread, is handled when that ends.
/// </remarks>
internal sealed class InterruptWork
{
    private readonly Action _drain;
    private readonly Action _handle;
    private int _pending;

    /// <summary>Makes it.</summary>
    /// <param name="drain">Reads, acknowledges and reports until nothing is pending. What it throws reaches the caller.</param>
    public InterruptWork(Action drain)
    {
        _drain = drain;
        _handle = HandleNow;
    }

    /// <summary>The interrupt was raised.</summary>
    public void Handle()
    {
        if (!OperationGate.TryLeaveToEnd(_handle))
        {
            HandleNow();
        }
    }

    private void HandleNow()
    {
        if (Interlocked.Increment(ref _pending) != 1)
        {
            return;
        }

        int handled = 0;
        bool isDone = false;
        try
        {
            do
            {
                handled = Volatile.Read(ref _pending);
                _drain();
            }
            while (Interlocked.Add(ref _pending, -handled) != 0);

            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                // A handler threw. The next interrupt is for a new call.
                Volatile.Write(ref _pending, 0);
            }
        }
    }
}
