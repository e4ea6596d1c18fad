namespace IommuKit.Cli.Output;

/// <summary>The first line of what a shard writes.</summary>
/// <param name="IommukitShard">The version of the format.</param>
/// <param name="Shard">Which shard, from 1 on.</param>
/// <param name="Shards">How many there are.</param>
/// <param name="Files">How many traces the sweep has.</param>
/// <param name="Cases">How many cases each trace has.</param>
/// <param name="View">What is shown of the results.</param>
/// <param name="Parameters">What else results depend on.</param>
internal sealed record ShardHeader(
    int IommukitShard, int Shard, int Shards, int Files, int Cases, ReplayView View, IReadOnlyDictionary<string, string> Parameters)
{
    /// <summary>The version that is written and read.</summary>
    public const int Version = 3;
}
