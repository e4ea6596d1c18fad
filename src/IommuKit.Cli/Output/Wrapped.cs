using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>Breaks sentences between words.</summary>
internal static class Wrapped
{
    /// <summary>The lines of a sentence. A word that is longer than a line has one of its own.</summary>
    /// <param name="text">The sentence.</param>
    /// <param name="width">Columns.</param>
    public static IEnumerable<string> Lines(string text, int width)
    {
        string line = string.Empty;
        foreach (string word in Printable.Of(text).Split(' '))
        {
            if (line.Length != 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = string.Empty;
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }
}
