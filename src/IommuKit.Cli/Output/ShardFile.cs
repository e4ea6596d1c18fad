using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using IommuKit.Cli.Commands;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>
/// What a shard writes, for <c>iommukit merge</c>: JSON lines, a header and one for each result, with all digits; last the checksum of all those
/// lines.
/// </summary>
internal static class ShardFile
{
    // A result with the longest time series, and some more.
    private const int MaxLine = 64 << 20;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(), new TuningConverter() },
        IgnoreReadOnlyProperties = true,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Writes the results of a shard.</summary>
    public static void Write(TextWriter writer, OutputFormat format, ReplaySweep sweep, Shard shard, IReadOnlyList<ReplayResult> results)
    {
        if (format is OutputFormat.Csv or OutputFormat.Markdown)
        {
            throw new InputException("--shard writes JSON lines; choose another format when 'iommukit merge' puts the shards together");
        }

        using var checksum = new ShardChecksum();
        WriteLine(new ShardHeader(ShardHeader.Version, shard.Number, shard.Count, sweep.Files.Count, sweep.Cases, sweep.View, sweep.Parameters));
        int start = shard.Of(sweep.Files.Count * sweep.Cases).Start;
        for (int index = 0; index < results.Count; index++)
        {
            WriteLine(new ShardItem(start + index, results[index]));
        }

        WriteLine(new ShardEnd(checksum.Finish()));

        void WriteLine<T>(T value)
        {
            // The same bytes on every system.
            string line = TextOf(value);
            checksum.Add(line);
            writer.Write(line);
            writer.Write('\n');
        }
    }

    /// <summary>How a result is written, to compare two of them.</summary>
    public static string TextOf<T>(T value) => JsonSerializer.Serialize(value, Json);

    /// <summary>Reads one line.</summary>
    /// <param name="reader">The file.</param>
    /// <param name="checksum">Takes the line in.</param>
    /// <param name="path">How messages name the file.</param>
    /// <param name="line">The line's number.</param>
    /// <returns>What it says; null at the end of the file.</returns>
    /// <exception cref="InputException">It does not say that.</exception>
    public static T? Read<T>(TextReader reader, ShardChecksum checksum, string path, int line)
        where T : class
    {
        string? text = ReadLine(reader, path, line);
        if (text is null)
        {
            return null;
        }

        try
        {
            var value = JsonSerializer.Deserialize<T>(text, Json) ?? throw new JsonException();
            checksum.Add(text);
            return value;
        }
        catch (JsonException)
        {
            throw new InputException(path, line, "is not a line that 'iommukit replay --shard' wrote, or only a part of one");
        }
    }

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
                return text.Length == 0
                    ? null
                    : throw new InputException(path, line, "is not a line that 'iommukit replay --shard' wrote, or only a part of one");
            }

            if (text.Length == MaxLine)
            {
                throw new InputException(path, line, $"is longer than {MaxLine} characters; 'iommukit replay --shard' writes no such lines");
            }

            text.Append((char)next);
        }
    }
}
