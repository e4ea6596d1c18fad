namespace IommuKit.Mutate;

/// <summary>Mutants that change nothing that anybody can see, with the reason: they are not counted.</summary>
internal sealed class Equivalents
{
    private const int Fields = 4;

    private readonly HashSet<(string File, string Line, string Change)> _known = [];

    /// <summary>Reads a list: file, line, change and reason, separated by tabs.</summary>
    public static Equivalents Read(string path)
    {
        var all = new Equivalents();
        foreach (string line in File.ReadLines(path).Where(line => line.Length != 0 && line[0] != '#'))
        {
            string[] fields = line.Split('\t');
            if (fields.Length != Fields || fields[^1].Length == 0)
            {
                throw new InvalidDataException($"{path}: file, line, change and reason with tabs between, not: {line}");
            }

            all._known.Add((fields[0], fields[1], fields[2]));
        }

        return all;
    }

    /// <summary>Whether a mutant is known.</summary>
    public bool Contains(string file, Mutant mutant) => _known.Contains((file, mutant.Line, mutant.Change));
}
