using System.Runtime.ExceptionServices;

namespace IommuKit.Models.Interrupts;

/// <summary>
/// The level of an interrupt line, and the one place that tells a listener of it: each change, in order and one at a time, outside all locks.
/// </summary>
/// <remarks>
/// A change that comes while the listener is being told of another, by the listener itself or on another thread, is told of next, by the thread that
/// is telling. So the last level that the listener hears is the level of the line.
/// </remarks>
internal sealed class InterruptLine
{
    private readonly Lock _gate = new();
    private bool _level;

    // Levels alternate, so that their number is all there is to keep.
    private int _untold;
    private bool _isTelling;

    /// <summary>The level now.</summary>
    public bool IsRaised
    {
        get
        {
            lock (_gate)
            {
                return _level;
            }
        }
    }

    /// <summary>Sets the level. For a caller that holds the lock under which the level follows from the registers.</summary>
    public void Set(bool level)
    {
        lock (_gate)
        {
            if (level != _level)
            {
                _level = level;
                _untold++;
            }
        }
    }

    /// <summary>
    /// Tells of what changed, unless that is being done already. For a caller that holds no lock. What the listener throws reaches the caller after
    /// all is told: another thread may have left its change to this one.
    /// </summary>
    public void Tell(Action<bool>? listener)
    {
        ExceptionDispatchInfo? failure = null;
        while (TryBegin(out bool level))
        {
            try
            {
                listener?.Invoke(level);
            }
            catch (Exception e)
            {
                failure ??= ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                _isTelling = false;
            }
        }

        failure?.Throw();
    }

    private bool TryBegin(out bool level)
    {
        lock (_gate)
        {
            level = _level ^ (_untold % 2 == 0);
            if (_untold == 0 || _isTelling)
            {
                return false;
            }

            _untold--;
            _isTelling = true;
            return true;
        }
    }
}
