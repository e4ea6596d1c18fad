namespace IommuKit.TestSupport;

/// <summary>What code allocates on the managed heap.</summary>
internal static class Allocated
{
    private const int Attempts = 5;

    /// <summary>
    /// The fewest bytes that a piece of work allocated on this thread in several attempts, after a first one that does not count. A collection that another
    /// test causes in the middle shows as some bytes; what the work itself allocates shows every time.
    /// </summary>
    public static long By(Action work)
    {
        work();
        long least = long.MaxValue;
        for (int attempt = 0; attempt < Attempts && least > 0; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
