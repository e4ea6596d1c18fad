using System.Diagnostics;

namespace IommuKit.Benchmarks;

/// <summary>
/// Lets threads begin when each of them runs on a processor of its own. Threads that wait for one another without spinning are woken where the last one
/// ran, and for milliseconds do their work one after the other.
/// </summary>
/// <param name="threads">How many there are.</param>
internal sealed class CommonStart(int threads)
{
    // As many turns that each takes while the others spin are over in microseconds where all of them run, and not at all where two share a processor.
    private const int Rounds = 200;

    // Where there are not enough processors they begin all the same.
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(100);

    private int _turn;

    /// <summary>Takes turns with the other threads until all of them run at the same time.</summary>
    public void Wait(int index)
    {
        long began = Stopwatch.GetTimestamp();
        for (int turn = index; turn < Rounds * threads; turn += threads)
        {
            while (Volatile.Read(ref _turn) < turn)
            {
                if (Stopwatch.GetElapsedTime(began) > Limit)
                {
                    // The others go, too.
                    Volatile.Write(ref _turn, Rounds * threads);
                    return;
                }
            }

            if (Volatile.Read(ref _turn) == turn)
            {
                Volatile.Write(ref _turn, turn + 1);
            }
        }
    }
}
