namespace IommuKit.Cli.Invocation;

/// <summary>Guesses what somebody meant to type.</summary>
internal static class Typos
{
    // As many letters may be wrong.
    private const int MostEdits = 2;

    // As many letters at least are the start of a name, of which one may be wrong.
    private const int ShortestStart = 3;

    /// <summary>The name that is nearest to what was typed, or else begins most like it; null if none is near.</summary>
    public static string? Nearest(string typed, IEnumerable<string> names)
    {
        string[] all = [.. names];
        return Nearest(typed, all, name => name, name => Math.Min(MostEdits, name.Length / 2))
            ?? (typed.Length < ShortestStart ? null : Nearest(typed, all, name => name[..Math.Min(typed.Length, name.Length)], _ => 1));
    }

    private static string? Nearest(string typed, string[] names, Func<string, string> part, Func<string, int> mostEdits) => names
        .Select(name => (Name: name, Edits: Edits(typed, part(name))))
        .Where(candidate => candidate.Edits <= mostEdits(candidate.Name))
        .OrderBy(candidate => candidate.Edits)
        .Select(candidate => candidate.Name)
        .FirstOrDefault();

    /// <summary>How many letters have to be put in, left out, changed or swapped with their neighbour.</summary>
    private static int Edits(string from, string to)
    {
        int[][] edits = [.. Enumerable.Range(0, from.Length + 1).Select(_ => new int[to.Length + 1])];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    edits[i][j] = i + j;
                    continue;
                }

                int change = edits[i - 1][j - 1] + (IsSame(from[i - 1], to[j - 1]) ? 0 : 1);
                int least = Math.Min(change, Math.Min(edits[i - 1][j], edits[i][j - 1]) + 1);
                bool isSwapped = i > 1 && j > 1 && IsSame(from[i - 1], to[j - 2]) && IsSame(from[i - 2], to[j - 1]);
                edits[i][j] = isSwapped ? Math.Min(least, edits[i - 2][j - 2] + 1) : least;
            }
        }

        return edits[^1][^1];
    }

    private static bool IsSame(char left, char right) => char.ToUpperInvariant(left) == char.ToUpperInvariant(right);
}
