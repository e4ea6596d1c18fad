using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Dat;

/// <summary>How a kernel lays out the data of an event, as it says itself (tracefs, events/SYSTEM/NAME/format).</summary>
/// <param name="Name">The event.</param>
/// <param name="Id">The number that its data starts with.</param>
/// <param name="Fields">Where its fields are.</param>
internal sealed partial record EventFormat(string Name, int Id, IReadOnlyDictionary<string, FieldPlace> Fields)
{
    /// <summary>The longest format that is read; the kernel's have a few kilobytes.</summary>
    public const int MaxBytes = 64 << 10;

    // The search for a field's name takes the square of the length of a line. The kernel's lines of fields have less than 100 bytes.
    private const int MaxField = 256;

    /// <summary>Reads a format file.</summary>
    /// <exception cref="InvalidDataException">It has no name or no number.</exception>
    public static EventFormat Parse(ReadOnlySpan<byte> text)
    {
        string name = "";
        int id = -1;
        var fields = new Dictionary<string, FieldPlace>(StringComparer.Ordinal);
        foreach (var range in Encoding.Latin1.GetString(text).AsSpan().Split('\n'))
        {
            string line = Encoding.Latin1.GetString(text[range]).Trim();
            if (line.StartsWith("name: ", StringComparison.Ordinal))
            {
                name = line[6..];
            }
            else if (line.StartsWith("ID: ", StringComparison.Ordinal))
            {
                id = int.TryParse(line.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
            }
            else if (line.Length <= MaxField && line.StartsWith("field:", StringComparison.Ordinal) && Field().Match(line) is { Success: true } field
                && FieldPlace.TryParse(field.Groups["offset"].Value, field.Groups["size"].Value, out var place))
            {
                fields.TryAdd(field.Groups["name"].Value, place);
            }
        }

        return name.Length != 0 && id is >= 0 and <= ushort.MaxValue
            ? new EventFormat(name, id, fields)
            : throw new InvalidDataException("an event format has no name or no ID");
    }

    /// <summary>Where a number is.</summary>
    /// <exception cref="NotSupportedException">The event has no such number.</exception>
    public FieldPlace Number(string field) =>
        Fields.TryGetValue(field, out var place) && place.Size is 1 or 2 or 4 or 8
            ? place
            : throw new NotSupportedException($"its event {Name} has no number \"{field}\"");

    /// <summary>Where the place of a text is: 16 bits of offset, and above them 16 of length (__data_loc).</summary>
    /// <exception cref="NotSupportedException">The event has no such text.</exception>
    public FieldPlace Text(string field) =>
        Fields.TryGetValue(field, out var place) && place.Size == 4
            ? place
            : throw new NotSupportedException($"its event {Name} has no text \"{field}\"");

    // field:size_t size;	offset:24;	size:8;	signed:0;
    // field: char data;	offset:16;	size:4080;	signed:1;
    [GeneratedRegex(@"^field:\s*[^;]*?(?<name>\w+)(\[[^;]*\])?;\s*offset:(?<offset>\d+);\s*size:(?<size>\d+);", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Field();
}
