using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using IommuKit.Cli.Commands;
using IommuKit.Lab;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>What a shard writes, for <c>iommukit merge</c>: JSON lines, a header and one for each result, with all digits.</summary>
internal static class ShardFile
{
    // A result with the longest time series, and some more.
    private const int MaxLine = 64 << 20;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter() },
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

        writer.WriteLine(JsonSerializer.Serialize(
            new ShardHeader(ShardHeader.Version, shard.Number, shard.Count, sweep.Files.Count, sweep.Cases, sweep.View, sweep.Parameters), Json));
        int start = shard.Of(sweep.Files.Count * sweep.Cases).Start;
        for (int index = 0; index < results.Count; index++)
        {
            writer.WriteLine(JsonSerializer.Serialize(new ShardItem(start + index, results[index]), Json));
        }
    }

    /// <summary>How a result is written, to compare two of them.</summary>
    public static string TextOf<T>(T value) => JsonSerializer.Serialize(value, Json);

    /// <summary>Reads one line.</summary>
    /// <returns>What it says; null at the end of the file.</returns>
    /// <exception cref="InputException">It does not say that.</exception>
    public static T? Read<T>(TextReader reader, string path, int line)
        where T : class
    {
        string? text = ReadLine(reader, path, line);
        if (text is null)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<T>(text, Json) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new InputException(path, line, "is not a line that 'iommukit replay --shard' wrote, or only a part of one");
        }
    }

    private static string? ReadLine(TextReader reader, string path, int line)
    {
        var text = new StringBuilder();
        while (true)
        {
            int next = reader.Read();
            if (next < 0 || next == '\n')
            {
                return next < 0 && text.Length == 0 ? null : text.ToString();
            }

            if (text.Length == MaxLine)
            {
                throw new InputException(path, line, $"is longer than {MaxLine} characters; 'iommukit replay --shard' writes no such lines");
            }

            text.Append((char)next);
        }
    }
}
