using System.Text.Json;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Costs;

/// <summary>Reads the text of a cost file, and says of whatever is wrong with it on which line and in the words of docs/json.md.</summary>
internal sealed class CostFileParser
{
    // A quarter of an hour for one operation. With it the sum over any trace stays far from what a double can hold.
    private const double MaxMicroseconds = 1e9;

    private static readonly string[] Kinds = ["measured", "fitted", "assumed"];

    private readonly string _path;
    private readonly ReadOnlyMemory<byte> _json;

    public CostFileParser(string path, ReadOnlyMemory<byte> json)
    {
        _path = path;
        _json = json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;
    }

    /// <summary>Reads the whole file.</summary>
    /// <exception cref="InputException">It is not a complete cost file.</exception>
    public CostVector Parse()
    {
        var reader = new Utf8JsonReader(
            _json.Span, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        try
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
            {
                throw Problem(reader.TokenStartIndex, "holds no costs");
            }

            var costs = ReadVector(ref reader);
            reader.Read();
            return costs;
        }
        catch (JsonException e)
        {
            throw new InputException(
                _path, (e.LineNumber ?? 0) + 1, $"is not JSON: something is missing or wrong at byte {(e.BytePositionInLine ?? 0) + 1} of the line");
        }
    }

    private CostVector ReadVector(ref Utf8JsonReader reader)
    {
        string? name = null;
        string? description = null;
        string? unit = null;
        CostComponents? components = null;
        string[] members = ["name", "description", "unit", "components"];
        ReadMembers(ref reader, "the file", members, [], (ref reader, member) =>
        {
            switch (member)
            {
                case "name":
                    name = ReadText(ref reader, member);
                    break;
                case "description":
                    description = ReadText(ref reader, member);
                    break;
                case "unit":
                    unit = ReadText(ref reader, member);
                    if (unit != "us")
                    {
                        throw Problem(reader.TokenStartIndex, $"the unit must be \"us\", not \"{unit}\"");
                    }

                    break;
                default:
                    components = ReadComponents(ref reader);
                    break;
            }
        });
        return new CostVector { Name = name!, Description = description!, Unit = unit!, Components = components! };
    }

    private CostComponents ReadComponents(ref Utf8JsonReader reader)
    {
        var components = new Dictionary<OperationKind, CostComponent>();
        string[] names = [.. OperationKinds.All.Select(OperationKinds.NameOf)];
        ReadMembers(
            ref reader,
            "\"components\"",
            [],
            names,
            (ref reader, member) => components[OperationKinds.Find(member)!.Value] = ReadComponent(ref reader, member));
        return new CostComponents(components);
    }

    private CostComponent ReadComponent(ref Utf8JsonReader reader, string name)
    {
        double us = 0;
        string? kind = null;
        string? source = null;
        double? width = null;
        ReadMembers(ref reader, $"\"{name}\"", ["us", "kind", "source"], ["width_us"], (ref reader, member) =>
        {
            switch (member)
            {
                case "us":
                    us = ReadCost(ref reader, name);
                    break;
                case "width_us":
                    width = ReadWidth(ref reader, name);
                    break;
                case "kind":
                    kind = ReadText(ref reader, member);
                    if (!Kinds.Contains(kind, StringComparer.Ordinal))
                    {
                        throw Problem(reader.TokenStartIndex, $"the kind of {name} is \"{kind}\"; choose from {string.Join(", ", Kinds)}");
                    }

                    break;
                default:
                    source = ReadText(ref reader, member);
                    break;
            }
        });
        return new CostComponent(us, kind!, source!, width);
    }

    private double ReadCost(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out double us))
        {
            throw Problem(reader.TokenStartIndex, $"\"us\" of {name} is not a number");
        }

        return us is >= 0 and <= MaxMicroseconds
            ? us
            : throw Problem(
                reader.TokenStartIndex, FormattableString.Invariant($"{name} costs {us} us; a cost is a number from 0 to {MaxMicroseconds}"));
    }

    private double ReadWidth(ref Utf8JsonReader reader, string name) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double us) && us is > 0 and <= MaxMicroseconds
            ? us
            : throw Problem(
                reader.TokenStartIndex, FormattableString.Invariant($"\"width_us\" of {name} is not a number above 0, up to {MaxMicroseconds}"));

    private string ReadText(ref Utf8JsonReader reader, string member) =>
        (reader.TokenType == JsonTokenType.String ? TextOf(ref reader) : null)
        ?? throw Problem(reader.TokenStartIndex, $"\"{member}\" is not a text in quotes");

    /// <summary>The text of a name or value; null if its bytes are not UTF-8.</summary>
    private static string? TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Reads an object that has exactly the members named.</summary>
    private void ReadMembers(ref Utf8JsonReader reader, string what, string[] required, string[] optional, MemberReader read)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Problem(reader.TokenStartIndex, $"{what} is not an object in braces");
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string member = TextOf(ref reader) ?? string.Empty;
            if (!required.Contains(member, StringComparer.Ordinal) && !optional.Contains(member, StringComparer.Ordinal))
            {
                throw Problem(reader.TokenStartIndex, $"{what} cannot have \"{member}\"; it has {string.Join(", ", required.Concat(optional))}");
            }

            if (!seen.Add(member))
            {
                throw Problem(reader.TokenStartIndex, $"{what} has \"{member}\" twice");
            }

            reader.Read();
            read(ref reader, member);
        }

        if (required.FirstOrDefault(member => !seen.Contains(member)) is { } missing)
        {
            throw Problem(reader.TokenStartIndex, $"{what} has no \"{missing}\"");
        }
    }

    private InputException Problem(long position, string problem)
    {
        int line = 1 + _json.Span[..(int)position].Count((byte)'\n');
        return new InputException(_path, line, problem);
    }

    private delegate void MemberReader(ref Utf8JsonReader reader, string member);
}
