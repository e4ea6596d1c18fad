using IommuKit.Lab.Formats;

namespace IommuKit.Cli.HostTime;

/// <summary>What a bench of page tables runs.</summary>
internal sealed record FormatBenchOptions
{
    /// <summary>The formats.</summary>
    public required IReadOnlyList<FormatKind> Formats { get; init; }

    /// <summary>The most threads.</summary>
    public int Threads { get; init; } = Math.Min(Environment.ProcessorCount, MaxThreads);

    /// <summary>The most threads there can be.</summary>
    public const int MaxThreads = 64;

    /// <summary>How many threads there are in turn: 1, 2, 4 … and <see cref="Threads"/>.</summary>
    internal IReadOnlyList<int> ThreadCounts
    {
        get
        {
            var counts = new List<int>();
            for (int threads = 1; threads < Threads; threads *= 2)
            {
                counts.Add(threads);
            }

            return [.. counts, Threads];
        }
    }
}
