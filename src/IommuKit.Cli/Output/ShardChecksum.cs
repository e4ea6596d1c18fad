using System.Security.Cryptography;
using System.Text;

namespace IommuKit.Cli.Output;

/// <summary>The checksum of the lines of a shard: files come over networks and from machines that were cut off while they wrote.</summary>
internal sealed class ShardChecksum : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Takes a line in.</summary>
    /// <param name="line">The line, without its end.</param>
    public void Add(string line)
    {
        _hash.AppendData(Encoding.UTF8.GetBytes(line));
        _hash.AppendData("\n"u8);
    }

    /// <summary>The checksum of the lines so far.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    public void Dispose() => _hash.Dispose();
}
