using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using IommuKit.Cli.Output;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

/// <summary>
/// What a shard writes, for <c>iommukit merge</c>: JSON lines, a header and one for each result, with all digits; last the checksum of all those
/// lines.
/// </summary>
internal static class ShardFile
{
    private const string NotALine = "is not a line that 'iommukit replay --shard' wrote, or only a part of one";

    // A result with the longest time series, and some more.
    private const int MaxLine = 64 << 20;

    // The same bytes on every system, and names of files as they are.
    private static readonly ShardJson Lines = new(Relaxed(ShardJson.Default.Options));
    private static readonly ReplayJson Results = new(Relaxed(ReplayJson.Default.Options));

    /// <summary>Writes the results of a shard.</summary>
    public static void Write(TextWriter writer, OutputFormat format, ReplaySweep sweep, Shard shard, IReadOnlyList<ReplayResult> results)
    {
        if (format is OutputFormat.Csv or OutputFormat.Markdown)
        {
            throw new InputException("--shard writes JSON lines; choose another format when 'iommukit merge' puts the shards together");
        }

        using var checksum = new ShardChecksum();
        var header = new ShardHeader(ShardHeader.Version, shard.Number, shard.Count, sweep.Files.Count, sweep.Cases, sweep.View, sweep.Parameters);
        WriteLine(JsonSerializer.Serialize(header, Lines.ShardHeader));
        int start = shard.Of(sweep.Files.Count * sweep.Cases).Start;
        for (int index = 0; index < results.Count; index++)
        {
            var result = JsonSerializer.SerializeToElement(results[index], Results.ReplayResult);
            WriteLine(JsonSerializer.Serialize(new ShardItem(start + index, result), Lines.ShardItem));
        }

        WriteLine(EndOf(checksum));

        void WriteLine(string line)
        {
            checksum.Add(line);
            writer.Write(line);

            // The same bytes on every system.
            writer.Write('\n');
        }
    }

    /// <summary>The last line of a shard.</summary>
    /// <param name="checksum">The checksum of all lines before it.</param>
    public static string EndOf(ShardChecksum checksum) => JsonSerializer.Serialize(new ShardEnd(checksum.Finish()), Lines.ShardEnd);

    /// <summary>How a trace is written, to compare two of them.</summary>
    public static string TextOf(TraceSummary trace) => JsonSerializer.Serialize(trace, Results.TraceSummary);

    /// <summary>Reads the first line; null if there is none.</summary>
    /// <param name="reader">The file.</param>
    /// <param name="checksum">Takes the line in.</param>
    /// <param name="path">How messages name the file.</param>
    /// <exception cref="InputException">It is no header.</exception>
    public static ShardHeader? ReadHeader(TextReader reader, ShardChecksum checksum, string path) =>
        Read(reader, checksum, path, 1, text => JsonSerializer.Deserialize(text, Lines.ShardHeader));

    /// <summary>Reads a result; null at the end of the file.</summary>
    /// <param name="reader">The file.</param>
    /// <param name="checksum">Takes the line in.</param>
    /// <param name="path">How messages name the file.</param>
    /// <param name="line">The line's number.</param>
    /// <exception cref="InputException">It is no result.</exception>
    public static ShardResult? ReadItem(TextReader reader, ShardChecksum checksum, string path, int line) =>
        Read(reader, checksum, path, line, ItemOf);

    /// <summary>Reads the text of a line; null at the end of the file.</summary>
    /// <exception cref="InputException">The file ends in the middle of it, or it is longer than any that is written.</exception>
    public static string? ReadLine(TextReader reader, string path, int line)
    {
        var text = new StringBuilder();
        while (true)
        {
            int next = reader.Read();
            if (next == '\n')
            {
                return text.ToString();
            }

            if (next < 0)
            {
                return text.Length == 0 ? null : throw new InputException(path, line, NotALine);
            }

            if (text.Length == MaxLine)
            {
                throw new InputException(path, line, $"is longer than {MaxLine} characters; 'iommukit replay --shard' writes no such lines");
            }

            text.Append((char)next);
        }
    }

    private static JsonSerializerOptions Relaxed(JsonSerializerOptions options) =>
        new(options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Converters = { new TuningConverter() } };

    private static ShardResult? ItemOf(string text)
    {
        var item = JsonSerializer.Deserialize(text, Lines.ShardItem);
        var result = item?.Result.Deserialize(Results.ReplayResult);

        // What has a value without being given one has none where JSON leaves it out.
        return result is { Tuning.Settings: not null, Unpriced: not null } ? new ShardResult(item!.Item, result) : null;
    }

    private static T? Read<T>(TextReader reader, ShardChecksum checksum, string path, int line, Func<string, T?> read)
        where T : class
    {
        string? text = ReadLine(reader, path, line);
        if (text is null)
        {
            return null;
        }

        try
        {
            var value = read(text) ?? throw new JsonException();
            checksum.Add(text);
            return value;
        }
        catch (JsonException)
        {
            throw new InputException(path, line, NotALine);
        }
    }
}

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
    public const int Version = 4;
}

/// <summary>A line of what a shard writes.</summary>
/// <param name="Item">Which item of the sweep: file by file, case by case, from 0 on.</param>
/// <param name="Result">Its result, as <see cref="ReplayJson"/> has it.</param>
internal sealed record ShardItem(int Item, JsonElement Result);

/// <summary>The same when it was read.</summary>
internal sealed record ShardResult(int Item, ReplayResult Result);

/// <summary>The last line of what a shard writes.</summary>
/// <param name="Sha256">The checksum of all lines before it, each with its end, in hexadecimal.</param>
internal sealed record ShardEnd(string Sha256);

/// <summary>The lines of a shard as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ShardHeader))]
[JsonSerializable(typeof(ShardItem))]
[JsonSerializable(typeof(ShardEnd))]
internal sealed partial class ShardJson : JsonSerializerContext;

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
