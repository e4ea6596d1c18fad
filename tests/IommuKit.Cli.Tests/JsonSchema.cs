using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>Checks JSON against a schema, as far as the schemas in docs/ go, and more strictly: no field may be missing in the schema.</summary>
internal sealed class JsonSchema(JsonElement root)
{
    /// <summary>What is wrong; empty if nothing is.</summary>
    public IReadOnlyList<string> ProblemsOf(JsonElement value) => [.. Check(root, value, "$")];

    private IEnumerable<string> Check(JsonElement schema, JsonElement value, string path)
    {
        foreach (var rule in schema.EnumerateObject())
        {
            IEnumerable<string> problems = rule.Name switch
            {
                "$schema" or "$defs" or "title" or "description" => [],
                "$ref" => Check(Definition(rule.Value.GetString()!), value, path),
                "anyOf" => rule.Value.EnumerateArray().Any(one => !Check(one, value, path).Any()) ? [] : [$"{path}: nothing of anyOf"],
                "type" => Types(rule.Value).Contains(TypeOf(value)) || (TypeOf(value) == "integer" && Types(rule.Value).Contains("number"))
                    ? []
                    : [$"{path}: {TypeOf(value)}"],
                "enum" => rule.Value.EnumerateArray().Any(one => one.GetString() == value.GetString()) ? [] : [$"{path}: {value}"],
                "minimum" => value.ValueKind != JsonValueKind.Number || value.GetDouble() >= rule.Value.GetDouble() ? [] : [$"{path}: {value}"],
                "maximum" => value.ValueKind != JsonValueKind.Number || value.GetDouble() <= rule.Value.GetDouble() ? [] : [$"{path}: {value}"],
                "required" => value.ValueKind != JsonValueKind.Object ? []
                    : rule.Value.EnumerateArray().Where(name => !value.TryGetProperty(name.GetString()!, out _))
                        .Select(name => $"{path}.{name}: missing"),
                "properties" => value.ValueKind != JsonValueKind.Object ? [] : value.EnumerateObject().SelectMany(field =>
                    rule.Value.TryGetProperty(field.Name, out var of)
                        ? Check(of, field.Value, $"{path}.{field.Name}")
                        : [$"{path}.{field.Name}: unknown"]),
                "additionalProperties" => value.ValueKind != JsonValueKind.Object ? [] : value.EnumerateObject()
                    .SelectMany(field => Check(rule.Value, field.Value, $"{path}.{field.Name}")),
                "items" => value.ValueKind != JsonValueKind.Array ? []
                    : value.EnumerateArray().SelectMany(one => Check(rule.Value, one, $"{path}[]")),
                _ => throw new NotSupportedException($"the schema has {rule.Name}, which is not checked here"),
            };
            foreach (string problem in problems)
            {
                yield return problem;
            }
        }
    }

    private JsonElement Definition(string reference) => root.GetProperty("$defs").GetProperty(reference["#/$defs/".Length..]);

    private static string[] Types(JsonElement types) => types.ValueKind == JsonValueKind.Array
        ? [.. types.EnumerateArray().Select(type => type.GetString()!)]
        : [types.GetString()!];

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => value.TryGetInt64(out _) ? "integer" : "number",
        JsonValueKind.Null => "null",
        _ => "boolean",
    };
}
