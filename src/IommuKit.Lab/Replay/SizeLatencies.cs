namespace IommuKit.Lab.Replay;

/// <summary>Counts latencies by operation and size.</summary>
internal sealed class SizeLatencies
{
    private readonly (LatencyHistogram Histogram, double Total)[] _maps = New();
    private readonly (LatencyHistogram Histogram, double Total)[] _unmaps = New();

    /// <summary>What was counted: maps, then unmaps, each by size; classes without any are left out.</summary>
    public IReadOnlyList<SizeLatency> Counted =>
    [
        .. from operation in (MappingOperation[])[MappingOperation.Map, MappingOperation.Unmap]
           from index in Enumerable.Range(0, SizeClass.All.Count)
           let counted = Of(operation)[index]
           where counted.Histogram.Count != 0
           select new SizeLatency(operation, SizeClass.All[index], LatencySummary.Of(counted.Histogram), counted.Total),
    ];

    /// <summary>Counts one operation.</summary>
    /// <param name="operation">Which.</param>
    /// <param name="bytes">Its size, not 0.</param>
    /// <param name="microseconds">Its virtual time.</param>
    public void Add(MappingOperation operation, ulong bytes, double microseconds)
    {
        ref var counted = ref Of(operation)[SizeClass.IndexOf(bytes)];
        counted.Histogram.Add(microseconds);
        counted.Total += microseconds;
    }

    private static (LatencyHistogram Histogram, double Total)[] New() => [.. SizeClass.All.Select(_ => (new LatencyHistogram(), 0.0))];

    private (LatencyHistogram Histogram, double Total)[] Of(MappingOperation operation) => operation == MappingOperation.Map ? _maps : _unmaps;
}
