using System.Text.Json;
using System.Text.Json.Serialization;
using IommuKit.Cli.Extensions;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Runs;

/// <summary>Values of tuning options as an object: what each is called, and its number.</summary>
internal sealed class TuningConverter : JsonConverter<TuningValues>
{
    // More than any driver has.
    private const int MostOptions = 64;

    private readonly Catalog _catalog = new();

    public override TuningValues Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var values = TuningValues.None;
        int left = MostOptions;
        Check(reader.TokenType == JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            Check(left-- > 0 && reader.Read() && reader.TokenType == JsonTokenType.Number);
            Check(reader.TryGetInt32(out int number) && number >= 0);
            values = values.With(OptionOf(name), number);
        }

        Check(reader.TokenType == JsonTokenType.EndObject);
        return values;
    }

    public override void Write(Utf8JsonWriter writer, TuningValues value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (option, number) in value.All)
        {
            writer.WriteNumber(option.Name, number);
        }

        writer.WriteEndObject();
    }

    private static void Check(bool isRight)
    {
        if (!isRight)
        {
            throw new JsonException("These are no values of tuning options.");
        }
    }

    /// <summary>The option of that name; of one that was loaded where the shard was made, only the name is known.</summary>
    private TuningOption OptionOf(string name) => _catalog.Tuning.FirstOrDefault(option => option.Name == name) ?? new TuningOption(name, "N", name);
}
