using System.Diagnostics;

namespace IommuKit.Drivers;

/// <summary>A wait for hardware, which ends with an exception if hardware never answers.</summary>
internal ref struct Patience(TimeSpan most, string what)
{
    // Most answers are there at the first look, so that the clock is read late.
    private const int FreeLooks = 64;

    private SpinWait _spin;
    private int _looks;
    private long _since;

    /// <summary>Lets some time pass before the next look.</summary>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public void Pass()
    {
        _spin.SpinOnce();
        Look();
    }

    /// <summary>Another look was in vain, and whoever looks lets time pass by himself.</summary>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public void Look()
    {
        if (++_looks < FreeLooks)
        {
            return;
        }

        if (_since == 0)
        {
            _since = Stopwatch.GetTimestamp();
        }
        else if (Stopwatch.GetElapsedTime(_since) > most)
        {
            throw new TimeoutException($"The hardware did not answer for {most}: {what}.");
        }
    }
}
