using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Costs;

/// <summary>Reads cost vectors.</summary>
public static class CostFile
{
    private const int MaxBytes = 1 << 20;

    private static readonly Lazy<IReadOnlyList<CostVector>> LazyBuiltIn = new(() =>
        [.. new[] { "tegra210.json", "smmuv2-noncoherent.json", "smmuv3.json", "vtd.json", "smmuv3-queue.json", "smmuv2.json" }.Select(ReadResource)]);

    /// <summary>The costs of the machine that the proposal was measured on.</summary>
    public static CostVector Default => BuiltIn[0];

    /// <summary>The costs that come with the library; each can be named instead of a file.</summary>
    public static IReadOnlyList<CostVector> BuiltIn => LazyBuiltIn.Value;

    /// <summary>Reads a cost file, or takes built-in costs of that name if there is no such file.</summary>
    /// <param name="nameOrPath">A file, or a name.</param>
    /// <exception cref="InputException">It is neither, or the file is not a complete cost file.</exception>
    public static CostVector Find(string nameOrPath)
    {
        ArgumentNullException.ThrowIfNull(nameOrPath);
        if (File.Exists(nameOrPath))
        {
            return Load(nameOrPath);
        }

        var builtIn = BuiltIn.FirstOrDefault(costs => costs.Name == nameOrPath);
        bool canBeName = nameOrPath.Length != 0 && Path.GetFileName(nameOrPath) == nameOrPath && !Path.Exists(nameOrPath);
        return builtIn is null && canBeName
            ? throw new InputException(
                nameOrPath, null, $"there is neither such a file nor built-in costs of that name, which are {string.Join(", ", BuiltIn.Select(costs => costs.Name))}")
            : builtIn ?? Load(nameOrPath);
    }

    /// <summary>The costs of an IOMMU: its own, or those of the proposal where it has none.</summary>
    public static CostVector Of(IommuKind kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        return kind.Costs is { } name ? Find(name) : Default;
    }

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

    private static CostVector ReadResource(string name)
    {
        using var stream = typeof(CostFile).Assembly.GetManifestResourceStream(name)!;
        return Read(stream, name);
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
