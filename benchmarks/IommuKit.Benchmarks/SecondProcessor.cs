namespace IommuKit.Benchmarks;

/// <summary>
/// Whether the machine gives this program two processors at the moment: a virtual one may lend the second to others, and what two threads do then says
/// nothing about what they share.
/// </summary>
internal sealed class SecondProcessor
{
    // Twice as much but for this is two processors.
    private const double Least = 1.9;
    private static readonly TimeSpan LookTime = TimeSpan.FromMilliseconds(0.5);

    private readonly Action<int>[] _alone = [Arithmetic()];
    private readonly Action<int>[] _both = [Arithmetic(), Arithmetic()];
    private readonly int _count;

    public SecondProcessor()
    {
        for (int i = 0; i < 20; i++)
        {
            RowRunner.Time(_alone, 10_000);
        }

        _count = (int)(LookTime.TotalNanoseconds / RowRunner.Time(_alone, 10_000));
    }

    /// <summary>Whether two threads that share nothing do twice the work of one.</summary>
    public bool IsThere() => RowRunner.Time(_alone, _count) / RowRunner.Time(_both, _count) >= Least;

    /// <summary>Work that shares nothing with anybody.</summary>
    public static Action<int> Arithmetic()
    {
        ulong state = 1;
        return count =>
        {
            ulong local = state;
            for (int i = 0; i < count; i++)
            {
                local = (local * 6364136223846793005) + 1442695040888963407;
            }

            state = local;
        };
    }
}
