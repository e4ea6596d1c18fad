namespace IommuKit.Sync;

/// <summary>
/// Counts maintenance for many pages after it was done for one. It is for hardware that does nothing but count, and drivers that do the same for each
/// page of one size, wherever it lies.
/// </summary>
public interface IPageTally
{
    /// <summary>Begins with the maintenance of a page.</summary>
    /// <returns>False if each page has to have its own now, because somebody looks at every step.</returns>
    bool TryBegin();

    /// <summary>Counts what was done since <see cref="TryBegin"/> some more times.</summary>
    /// <param name="times">How many, 1 or more.</param>
    void Repeat(long times);
}
