using System.Globalization;
using System.IO.Compression;
using IommuKit.Models.Memory;

namespace IommuKit.Models.Tests.Linux;

/// <summary>The snapshots of a recorded boot, one after the other: memory, registers, and the accesses that were made then.</summary>
internal static class Snapshots
{
    /// <summary>Visits each snapshot of a boot.</summary>
    public static void Visit(string platform, string boot, Action<string, CallbackMemory, Dictionary<ulong, ulong>, IReadOnlyList<Probe>> visit)
    {
        string folder = RepositoryFiles.InShared("vectors", platform, boot);
        var probes = Probes(Path.Combine(folder, "translations.txt.gz"));
        var memory = new SparseMemory();
        var registers = new Dictionary<ulong, ulong>();
        string? name = null;
        foreach (string line in Lines(Path.Combine(folder, "pages.txt.gz")).Append("T end of file"))
        {
            string[] words = line.Split(' ');
            switch (words[0])
            {
                case "T":
                    if (name is not null)
                    {
                        visit(name, new CallbackMemory(memory), registers, probes.GetValueOrDefault(name) ?? []);
                    }

                    name = words[1];
                    break;
                case "M":
                    memory.TryWrite(Hex(words[1]), Convert.FromHexString(words[2]));
                    break;
                case "W" or "I" or "S":
                    registers[Hex(words[1])] = Hex(words[3]);
                    break;
            }
        }
    }

    private static Dictionary<string, List<Probe>> Probes(string path)
    {
        var sections = new Dictionary<string, List<Probe>>(StringComparer.Ordinal);
        var section = new List<Probe>();
        foreach (string line in Lines(path))
        {
            string[] words = line.Split(' ');
            if (words[0] == "T")
            {
                sections[words[1]] = section = [];
            }
            else if (words[0] == "X" && !line.Contains("-> irq", StringComparison.Ordinal))
            {
                bool isOk = words[5] == "ok";

                // Where the emulator deviates, the independent walker's answer stands beside its own.
                bool isDeviation = line.Contains("WALKER=", StringComparison.Ordinal) || line.Contains("MODEL=", StringComparison.Ordinal);
                section.Add(new Probe(
                    (uint)Hex(words[1][(words[1].IndexOf('=', StringComparison.Ordinal) + 1)..]),
                    Hex(words[2]["iova=".Length..]),
                    words[3] == "write",
                    isOk ? Hex(words[6]["pa=".Length..]) : null,
                    isDeviation,
                    line));
            }
        }

        return sections;
    }

    private static IEnumerable<string> Lines(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private static ulong Hex(string digits) => ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
