using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>A line of what a shard writes.</summary>
/// <param name="Item">Which item of the sweep: file by file, case by case, from 0 on.</param>
/// <param name="Result">Its result.</param>
internal sealed record ShardItem(int Item, ReplayResult Result);
