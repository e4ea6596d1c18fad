using System.Text.Json;
using System.Text.Json.Serialization;

namespace IommuKit.Lab.Machines;

/// <summary>
/// Counts as JSON: an object with a number for each kind that occurs, or where a kind has purposes, an object with a number for each of these.
/// </summary>
internal sealed class OperationCountsConverter : JsonConverter<OperationCounts>
{
    /// <inheritdoc/>
    public override OperationCounts Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var counts = default(OperationCounts);
        Expect(reader, JsonTokenType.StartObject);
        while (ReadName(ref reader) is { } name)
        {
            var kind = OperationKinds.Find(name) ?? throw new JsonException();
            if (!kind.HasPurpose())
            {
                counts.Add(kind, ReadCount(reader));
                continue;
            }

            Expect(reader, JsonTokenType.StartObject);
            while (ReadName(ref reader) is { } purpose)
            {
                counts.Add(kind, OperationKinds.FindPurpose(purpose) ?? throw new JsonException(), ReadCount(reader));
            }
        }

        return counts;
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, OperationCounts value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var kind in OperationKinds.All.Where(kind => value[kind] != 0))
        {
            writer.WritePropertyName(OperationKinds.NameOf(kind));
            if (!kind.HasPurpose())
            {
                writer.WriteNumberValue(value[kind]);
                continue;
            }

            writer.WriteStartObject();
            foreach (var purpose in OperationKinds.Purposes.Prepend(OperationPurpose.None).Where(purpose => value[kind, purpose] != 0))
            {
                writer.WriteNumber(OperationKinds.NameOf(purpose), value[kind, purpose]);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void Expect(in Utf8JsonReader reader, JsonTokenType token)
    {
        if (reader.TokenType != token)
        {
            throw new JsonException();
        }
    }

    /// <summary>The name of the next member, with the reader at its value; null at the end of the object.</summary>
    private static string? ReadName(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType == JsonTokenType.EndObject)
        {
            return null;
        }

        string? name = reader.GetString();
        return reader.Read() ? name : throw new JsonException();
    }

    private static long ReadCount(in Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long count) ? count : throw new JsonException();
}
