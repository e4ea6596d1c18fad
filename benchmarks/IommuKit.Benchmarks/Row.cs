namespace IommuKit.Benchmarks;

/// <summary>One figure: work that is repeated, by one thread or by several that each have their own.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Work">Does it so many times; one for each thread.</param>
/// <param name="Of">The name of the row that this one is a multiple of; null if it is of none.</param>
internal sealed record Row(string Name, Action<int>[] Work, string? Of = null)
{
    private readonly List<double> _rounds = [];

    /// <summary>The median of the rounds, in nanoseconds for one operation of any thread.</summary>
    public double Nanoseconds => Quantile(0.5);

    /// <summary>A quantile of the rounds.</summary>
    public double Quantile(double share) => _rounds.Order().ElementAt((int)(share * (_rounds.Count - 1)));

    public void Add(double nanoseconds) => _rounds.Add(nanoseconds);
}
