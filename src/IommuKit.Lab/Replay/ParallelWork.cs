using System.Runtime.ExceptionServices;

namespace IommuKit.Lab.Replay;

/// <summary>Does pieces of work on as many threads as there are processors free for it.</summary>
internal static class ParallelWork
{
    /// <summary>Does pieces 0 to <paramref name="count"/> - 1, begun in that order; after one has failed no more are begun.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="work">Does one. What it throws is thrown here: of several, that of the first piece.</param>
    public static void Run(int count, Action<int> work)
    {
        // Every piece before one that fails is under way by then and comes to its end, so that which problem is told does not depend on the threads.
        var problems = new ExceptionDispatchInfo?[count];
        int next = -1;
        bool hasFailed = false;
        Parallel.For(0, Math.Min(count, Environment.ProcessorCount), _ =>
        {
            while (!Volatile.Read(ref hasFailed) && Interlocked.Increment(ref next) is var index && index < count)
            {
                try
                {
                    work(index);
                }
                catch (Exception exception)
                {
                    problems[index] = ExceptionDispatchInfo.Capture(exception);
                    Volatile.Write(ref hasFailed, true);
                }
            }
        });
        problems.FirstOrDefault(problem => problem is not null)?.Throw();
    }
}
