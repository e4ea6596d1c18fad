namespace IommuKit.Models.Caches;

/// <summary>The size of a cache: <paramref name="Sets"/> × <paramref name="Ways"/> entries, of which the oldest in a set makes way.</summary>
/// <param name="Sets">A power of two.</param>
/// <param name="Ways">Entries in a set, at least 1.</param>
public readonly record struct CacheGeometry(int Sets, int Ways)
{
    /// <summary>The most entries of a cache.</summary>
    public const int MaxEntries = 1 << 20;

    /// <summary>Entries in all.</summary>
    public int Entries => Sets * Ways;

    /// <summary>Whether there can be such a cache.</summary>
    public bool IsPossible => Sets >= 1 && int.IsPow2(Sets) && Ways >= 1 && (long)Sets * Ways <= MaxEntries;
}
