using System.Text;

namespace IommuKit.Traces;

/// <summary>Reads text files line by line, gzip or not, and notices when one breaks off or is no text of a sensible size.</summary>
public static class TextLines
{
    /// <summary>The lines of a file.</summary>
    /// <param name="path">The file, or - for the standard input.</param>
    /// <param name="longest">The most characters of a line.</param>
    /// <returns>Each line with its number, the first of which is 1, without its end.</returns>
    /// <exception cref="InputException">
    /// Thrown while lines are asked for: the file cannot be read, is empty, breaks off, is damaged, or has a line that is longer.
    /// </exception>
    public static IEnumerable<(int Number, string Text)> Read(string path, int longest)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(longest);
        return ReadLines(path, longest);
    }

    private static IEnumerable<(int Number, string Text)> ReadLines(string path, int longest)
    {
        using var input = TraceInput.Open(path, onRead: null);
        using var reader = new StreamReader(input.Content, Encoding.UTF8);
        char[] buffer = new char[4096];
        var line = new StringBuilder();
        int number = 1;
        for (int count = Fill(); count != 0; count = Fill())
        {
            int start = 0;
            while (start < count)
            {
                int end = Array.IndexOf(buffer, '\n', start, count - start);
                int length = (end < 0 ? count : end) - start;
                if (line.Length + length > longest)
                {
                    throw new InputException(input.Name, number, "the line is too long");
                }

                line.Append(buffer, start, length);
                start += length + 1;
                if (end >= 0)
                {
                    yield return (number++, Taken(line));
                }
            }
        }

        if (line.Length != 0)
        {
            yield return (number, Taken(line));
        }

        int Fill()
        {
            try
            {
                return reader.Read(buffer);
            }
            catch (InvalidDataException e)
            {
                throw new InputException(input.Name, number, $"{e.Message.TrimEnd('.')}: the file is cut off or damaged");
            }
            catch (IOException e)
            {
                throw new InputException(input.Name, number, FileProblem.Describe(e));
            }
        }
    }

    private static string Taken(StringBuilder line)
    {
        // Files may come from systems that end lines with two characters.
        string text = line.Length != 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : line.ToString();
        line.Clear();
        return text;
    }
}
