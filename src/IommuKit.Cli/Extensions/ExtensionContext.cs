using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.Loader;
using IommuKit.Checker;

namespace IommuKit.Cli.Extensions;

/// <summary>
/// Where an extension and what it brings along are loaded: IommuKit itself is that of this program, whatever lies beside the extension.
/// </summary>
/// <param name="path">The extension.</param>
internal sealed class ExtensionContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
{
    private static readonly Assembly Ours = typeof(IIommuKitExtension).Assembly;

    private readonly AssemblyDependencyResolver _resolver = new(path);

    /// <summary>Finds a part of IommuKit that is of another version than this program, as far as an assembly refers to it.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = ExtensionLoader.WholeProgram)]
    public static AssemblyName? OtherVersion(Assembly assembly) =>
        Array.Find(assembly.GetReferencedAssemblies(), name => IsOurs(name) && !IsSame(name.Version, Ours.GetName().Version!));

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (IsOurs(assemblyName))
        {
            // Null has the program's own taken.
            return null;
        }

        return _resolver.ResolveAssemblyToPath(assemblyName) is { } file ? LoadFromAssemblyPath(file) : null;
    }

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } file ? LoadUnmanagedDllFromPath(file) : 0;

    private static bool IsOurs(AssemblyName name) =>
        name.Name is { } text && (text == "IommuKit" || text.StartsWith("IommuKit.", StringComparison.Ordinal));

    private static bool IsSame(Version? one, Version other) => one is not null && (one.Major, one.Minor) == (other.Major, other.Minor);
}
