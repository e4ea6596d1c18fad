using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using IommuKit.Checker;
using IommuKit.Traces;

namespace IommuKit.Cli.Extensions;

/// <summary>Loads what is named by <c>--load</c>.</summary>
internal static class ExtensionLoader
{
    /// <summary>The option.</summary>
    public const string Option = "--load";

    /// <summary>Why what is found by reflection is there.</summary>
    public const string WholeProgram = "Where assemblies are loaded, the program is not trimmed.";

    /// <summary>Loads files into a catalogue.</summary>
    /// <exception cref="InputException">A file cannot be used.</exception>
    public static void Load(Catalog catalog, IEnumerable<string> files)
    {
        foreach (string file in files.Distinct(StringComparer.Ordinal))
        {
            if (!RuntimeFeature.IsDynamicCodeSupported)
            {
                throw new InputException($"{Option}: this iommukit was compiled ahead of time and can load no assemblies; the tool of .NET can");
            }

            try
            {
                Load(catalog, file);
            }
            catch (ExtensionException e)
            {
                throw new InputException($"{Option}: {file}: {e.Message}", e);
            }
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = WholeProgram)]
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = WholeProgram)]
    private static void Load(Catalog catalog, string file)
    {
        var types = TypesIn(file);
        if (types.Count == 0)
        {
            throw new ExtensionException(
                $"it has no public class that implements {typeof(IIommuKitExtension).FullName}, so there is nothing to load (see docs/extending.md)");
        }

        foreach (var type in types)
        {
            if (type.GetConstructor(Type.EmptyTypes) is null)
            {
                throw new ExtensionException($"{type.Name} has no public constructor without parameters; give it one");
            }

            try
            {
                catalog.Add(file, (IIommuKitExtension)Activator.CreateInstance(type)!);
            }
            catch (Exception e) when (e is TypeLoadException or MissingMemberException)
            {
                throw OtherVersion(e);
            }
            catch (FileNotFoundException e) when (IsAssembly(e))
            {
                throw Missing(e);
            }
            catch (TargetInvocationException e)
            {
                var inner = Innermost(e);
                throw new ExtensionException($"{type.Name} cannot be made: {inner.GetType().Name}: {inner.Message}", e);
            }
            catch (Exception e) when (e is not ExtensionException)
            {
                throw new ExtensionException($"{type.Name} cannot say what it brings: {Innermost(e).GetType().Name}: {Innermost(e).Message}", e);
            }
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = WholeProgram)]
    private static List<Type> TypesIn(string file)
    {
        try
        {
            if (Directory.Exists(file))
            {
                throw new ExtensionException("it is a directory; name the .dll in it");
            }

            string path = Path.GetFullPath(file);
            if (!File.Exists(path))
            {
                throw new ExtensionException("there is no such file; build the extension, and name its .dll");
            }

            var assembly = new ExtensionContext(path).LoadFromAssemblyPath(path);
            if (ExtensionContext.OtherVersion(assembly) is { } other)
            {
                throw new ExtensionException(
                    $"it was built with {other.Name} {other.Version?.ToString(3)}, and this is {Own.ToString(3)}; build it again with that version");
            }

            return
            [
                .. assembly.GetExportedTypes()
                    .Where(type => type is { IsClass: true, IsAbstract: false } && typeof(IIommuKitExtension).IsAssignableFrom(type)),
            ];
        }
        catch (BadImageFormatException e)
        {
            throw new ExtensionException("it is not an assembly for .NET", e);
        }
        catch (Exception e) when (e is TypeLoadException or ReflectionTypeLoadException or MissingMemberException)
        {
            throw OtherVersion(e);
        }
        catch (FileNotFoundException e) when (IsAssembly(e))
        {
            throw Missing(e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ExtensionException(e is ArgumentException ? "this is no name of a file" : FileProblem.Describe(e), e);
        }
    }

    private static Version Own => typeof(IIommuKitExtension).Assembly.GetName().Version!;

    private static ExtensionException OtherVersion(Exception e) =>
        new($"it was built for another IommuKit than this one, {Own.ToString(3)}; build it again with that version ({e.Message})", e);

    private static Exception Innermost(Exception e) => e is TargetInvocationException or TypeInitializationException && e.InnerException is { } inner
        ? Innermost(inner)
        : e;

    private static bool IsAssembly(FileNotFoundException e) => e.FileName?.Contains("Version=", StringComparison.Ordinal) == true;

    private static ExtensionException Missing(FileNotFoundException e) =>
        new($"it needs {e.FileName!.Split(',')[0]}, which is not beside it; publish it with all that it needs", e);
}
