namespace IommuKit.Cli.HostTime;

/// <summary>What one operation on a page table costs on this host.</summary>
/// <param name="Format">The format.</param>
/// <param name="Work">The operation: one of <see cref="BenchWork"/>.</param>
/// <param name="Level">What was measured.</param>
/// <param name="Threads">Threads that ran at once.</param>
/// <param name="Pages">Leaves in one operation.</param>
/// <param name="MedianNanoseconds">Median of the samples; with several threads, time of all of them for one operation of any.</param>
/// <param name="P10Nanoseconds">The sample that one in ten does not exceed.</param>
/// <param name="P90Nanoseconds">The sample that nine in ten do not exceed.</param>
/// <param name="BytesAllocated">Managed memory that one operation allocates.</param>
/// <param name="FillNanoseconds">
/// The store limit, measured between the samples: one entry stored by vectors into memory of the size of a table.
/// </param>
internal sealed record FormatBenchRow(
    string Format,
    string Work,
    BenchLevel Level,
    int Threads,
    int Pages,
    double MedianNanoseconds,
    double P10Nanoseconds,
    double P90Nanoseconds,
    double BytesAllocated,
    double FillNanoseconds)
{
    /// <summary>Whether the runtime had finished compiling what was timed. If not, the times may be several times too long.</summary>
    public bool IsCodeFinal { get; init; } = true;

    /// <summary>Nanoseconds for one leaf.</summary>
    public double NanosecondsPerPage => MedianNanoseconds / Pages;

    /// <summary>How many times the store limit one leaf costs.</summary>
    public double TimesFill => NanosecondsPerPage / FillNanoseconds;
}
