namespace IommuKit.Lab.Costs;

/// <summary>Reads cost vectors.</summary>
public static class CostFile
{
    private const int MaxBytes = 1 << 20;

    private static readonly Lazy<CostVector> LazyDefault = new(() =>
    {
        using var stream = typeof(CostFile).Assembly.GetManifestResourceStream("tegra210.json")!;
        return Read(stream, "tegra210.json");
    });

    /// <summary>The costs of the machine that the proposal was measured on.</summary>
    public static CostVector Default => LazyDefault.Value;

    /// <summary>Reads a cost file.</summary>
    /// <exception cref="InputException">It cannot be read, or is not a complete cost file.</exception>
    public static CostVector Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0)
        {
            throw new InputException("the name of a cost file is empty");
        }

        if (Directory.Exists(path))
        {
            throw new InputException(path, null, "is a directory");
        }

        try
        {
            using var stream = File.OpenRead(path);
            return Read(stream, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException(path, null, FileProblem.Describe(e));
        }
    }

    /// <summary>Reads a stream that may have no known length.</summary>
    private static CostVector Read(Stream stream, string path)
    {
        byte[] json = new byte[MaxBytes + 1];
        int length = stream.ReadAtLeast(json, json.Length, throwOnEndOfStream: false);
        return length <= MaxBytes
            ? new CostFileParser(path, json.AsMemory(0, length)).Parse()
            : throw new InputException(path, null, $"more than {MaxBytes} bytes are too many for a cost file");
    }
}
