using System.Text.Json;
using System.Text.Json.Serialization;

namespace IommuKit.Lab.Costs;

/// <summary>Reads cost vectors.</summary>
public static class CostFile
{
    private const int MaxBytes = 1 << 20;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    private static readonly Lazy<CostVector> LazyDefault = new(() =>
    {
        using var stream = typeof(CostFile).Assembly.GetManifestResourceStream("tegra210.json")!;
        return Parse(stream, "tegra210.json");
    });

    /// <summary>The costs of the machine that the proposal was measured on.</summary>
    public static CostVector Default => LazyDefault.Value;

    /// <summary>Reads a cost file.</summary>
    /// <exception cref="InputException">It cannot be read, or is not a complete cost file.</exception>
    public static CostVector Load(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length > MaxBytes)
            {
                throw new InputException(path, null, $"{stream.Length} bytes are too many for a cost file");
            }

            return Parse(stream, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException(path, null, e.Message);
        }
    }

    private static CostVector Parse(Stream stream, string path)
    {
        try
        {
            var costs = JsonSerializer.Deserialize<CostVector>(stream, Options) ?? throw new InputException(path, 1, "holds no costs");
            if (costs.Unit != "us")
            {
                throw new InputException(path, null, $"the unit must be \"us\", not \"{costs.Unit}\"");
            }

            foreach (var property in typeof(CostComponents).GetProperties())
            {
                var component = (CostComponent)property.GetValue(costs.Components)!;
                if (!double.IsFinite(component.Us) || component.Us < 0)
                {
                    throw new InputException(
                        path, null, $"{JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)} costs {component.Us} us; a cost is 0 or more");
                }
            }

            return costs;
        }
        catch (JsonException e)
        {
            throw new InputException(path, e.LineNumber + 1, e.Message);
        }
    }
}
