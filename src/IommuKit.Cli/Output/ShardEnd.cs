namespace IommuKit.Cli.Output;

/// <summary>The last line of what a shard writes.</summary>
/// <param name="Sha256">The checksum of all lines before it, each with its end, in hexadecimal.</param>
internal sealed record ShardEnd(string Sha256);
