using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

/// <summary>A part of the work of a sweep, for one of several processes.</summary>
/// <param name="Number">Which, from 1 on.</param>
/// <param name="Count">How many there are.</param>
internal readonly record struct Shard(int Number, int Count)
{
    /// <summary>Reads "2/8".</summary>
    /// <exception cref="InputException">It is not a shard.</exception>
    public static Shard Parse(string text)
    {
        string[] parts = text.Split('/');
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && number >= 1
            && number <= count
            ? new Shard(number, count)
            : throw new InputException($"--shard: \"{text}\" is not I/N with I from 1 to N, as 1/4");
    }

    /// <summary>Which items of the work are its own: neighbours, so that few files are read by more than one shard.</summary>
    /// <param name="items">How many items there are.</param>
    public (int Start, int End) Of(int items) => ((int)((long)items * (Number - 1) / Count), (int)((long)items * Number / Count));
}
