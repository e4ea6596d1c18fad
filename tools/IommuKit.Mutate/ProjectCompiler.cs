using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace IommuKit.Mutate;

/// <summary>Compiles one project again and again, each time with another of its files, with what MSBuild would give the compiler.</summary>
internal sealed class ProjectCompiler
{
    private readonly CSharpCommandLineArguments _arguments;

    public ProjectCompiler(string root, string project)
    {
        string file = Path.Combine(root, "src", project, $"{project}.csproj");

        // What it refers to must be there.
        Command.Run(root, "dotnet", ["build", file, "-c", "Release"]);
        string json = Command.Run(
            root,
            "dotnet",
            [
                "msbuild", file, "-t:PrepareResources;Compile", "-p:NonExistentFile=none", "-p:Configuration=Release", "-p:TargetFramework=net10.0",
                "-p:ProvideCommandLineArgs=true", "-p:SkipCompilerExecution=true", "-getItem:CscCommandLineArgs",
            ]);
        using var document = JsonDocument.Parse(json);
        var arguments = document.RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs").EnumerateArray()
            .Select(item => item.GetProperty("Identity").GetString()!);
        string folder = Path.GetDirectoryName(file)!;
        _arguments = CSharpCommandLineParser.Default.Parse(arguments, folder, Path.GetDirectoryName(typeof(object).Assembly.Location));
        AssemblyFile = $"{project}.dll";
        var trees = _arguments.SourceFiles.Select(source =>
            CSharpSyntaxTree.ParseText(File.ReadAllText(source.Path), _arguments.ParseOptions, source.Path));
        var references = _arguments.MetadataReferences.Select(reference =>
            MetadataReference.CreateFromFile(reference.Reference, reference.Properties));
        var options = _arguments.CompilationOptions.WithGeneralDiagnosticOption(ReportDiagnostic.Default);
        var compilation = CSharpCompilation.Create(_arguments.CompilationName, trees, references, options);
        var loader = new Loader();
        var generators = _arguments.AnalyzerReferences
            .SelectMany(reference => new AnalyzerFileReference(Path.GetFullPath(reference.FilePath, folder), loader).GetGeneratorsForAllLanguages());
        CSharpGeneratorDriver.Create(generators, parseOptions: _arguments.ParseOptions)
            .RunGeneratorsAndUpdateCompilation(compilation, out var complete, out _);
        Compilation = complete;
    }

    /// <summary>The project as it is.</summary>
    public Compilation Compilation { get; }

    /// <summary>The name of its assembly's file.</summary>
    public string AssemblyFile { get; }

    /// <summary>Writes the assembly with one file changed, or as it is.</summary>
    /// <returns>False if that does not compile.</returns>
    public bool TryEmit(Mutant? mutant, string path)
    {
        var compilation = mutant is null ? Compilation : Compilation.ReplaceSyntaxTree(mutant.Tree, mutant.Apply());
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream, manifestResources: _arguments.ManifestResources);
        if (!result.Success)
        {
            if (mutant is null)
            {
                throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Where(found => found.Severity == DiagnosticSeverity.Error)));
            }

            return false;
        }

        File.WriteAllBytes(path, stream.ToArray());
        return true;
    }

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath)
        {
            // Generators of the framework bring nothing along.
        }

        public Assembly LoadFromPath(string fullPath) => Assembly.LoadFrom(fullPath);
    }
}
