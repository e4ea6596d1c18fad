using System.IO.Compression;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>A copy of a recorded boot as plain text, to be spoiled; gone when disposed of.</summary>
internal sealed class BootFolder : IDisposable
{
    public BootFolder(string? boot = null, bool withEvents = false)
    {
        Path = Directory.CreateTempSubdirectory("boot").FullName;
        string[] names = ["pages.txt", "translations.txt"];
        foreach (string name in withEvents ? [.. names, "oracle.txt", "meta.txt"] : names)
        {
            using var output = File.Create(System.IO.Path.Combine(Path, name));
            if (boot is not null)
            {
                using var input = new GZipStream(File.OpenRead(System.IO.Path.Combine(boot, name + ".gz")), CompressionMode.Decompress);
                input.CopyTo(output);
            }
        }
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public BootFolder Write(string name, string text)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, name), text);
        return this;
    }

    /// <summary>Replaces text, once in each line that has it.</summary>
    /// <returns>The lines that changed.</returns>
    public int Replace(string name, string old, string replacement)
    {
        string path = System.IO.Path.Combine(Path, name);
        string[] lines = File.ReadAllLines(path);
        int changed = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            int at = lines[i].IndexOf(old, StringComparison.Ordinal);
            if (at >= 0)
            {
                lines[i] = lines[i][..at] + replacement + lines[i][(at + old.Length)..];
                changed++;
            }
        }

        File.WriteAllLines(path, lines);
        return changed;
    }
}
