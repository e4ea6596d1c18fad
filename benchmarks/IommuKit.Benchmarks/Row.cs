namespace IommuKit.Benchmarks;

/// <summary>One figure: work that is repeated, by one thread or by several that each have their own.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Work">Does it so many times; one for each thread.</param>
/// <param name="Of">The name of the row that this one is a multiple of; null if it is of none.</param>
internal sealed record Row(string Name, Action<int>[] Work, string? Of = null)
{
    private readonly List<double> _rounds = [];
    private readonly List<double> _undisturbed = [];

    /// <summary>The median of the rounds, in nanoseconds for one operation of any thread.</summary>
    public double Nanoseconds => Quantile(0.5);

    /// <summary>A quantile of the rounds.</summary>
    public double Quantile(double share) => Quantile(_rounds, share);

    /// <summary>Rounds in which each thread had a processor, as far as can be told from just before and just after.</summary>
    public int UndisturbedRounds => _undisturbed.Count;

    /// <summary>Their median.</summary>
    public double UndisturbedNanoseconds => Quantile(_undisturbed, 0.5);

    public void Add(double nanoseconds, bool isUndisturbed)
    {
        _rounds.Add(nanoseconds);
        if (isUndisturbed)
        {
            _undisturbed.Add(nanoseconds);
        }
    }

    private static double Quantile(List<double> rounds, double share) => rounds.Order().ElementAt((int)(share * (rounds.Count - 1)));
}
