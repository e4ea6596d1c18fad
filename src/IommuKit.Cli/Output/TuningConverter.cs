using System.Text.Json;
using System.Text.Json.Serialization;
using IommuKit.Cli.Extensions;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>Values of tuning options as an object: what each is called, and its number.</summary>
internal sealed class TuningConverter : JsonConverter<TuningValues>
{
    // More than any driver has.
    private const int MostOptions = 64;

    private readonly Catalog _catalog = new();

    public override TuningValues Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var numbers = JsonSerializer.Deserialize<Dictionary<string, int>>(ref reader, options);
        if (numbers is null || numbers.Count > MostOptions || numbers.Values.Any(number => number < 0))
        {
            throw new JsonException("These are no values of tuning options.");
        }

        return numbers.Aggregate(TuningValues.None, (values, pair) => values.With(OptionOf(pair.Key), pair.Value));
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

    /// <summary>The option of that name; of one that was loaded where the shard was made, only the name is known.</summary>
    private TuningOption OptionOf(string name) => _catalog.Tuning.FirstOrDefault(option => option.Name == name) ?? new TuningOption(name, "N", name);
}
