using System.Diagnostics;
using System.Globalization;

namespace IommuKit.Mutate;

/// <summary>Copies of built tests, in which assemblies are replaced.</summary>
internal sealed class TestBench(string root, string work)
{
    private const int Shown = 5;

    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Project, string Filter), Limit> _limits = [];

    /// <summary>Whether some test notices a mutant.</summary>
    /// <param name="area">Whose tests are asked.</param>
    /// <param name="compiler">Of the area's project.</param>
    /// <param name="mutant">The change.</param>
    /// <param name="killer">The test that noticed, and what it said.</param>
    /// <returns>Null if it does not compile.</returns>
    public bool? IsKilled(Area area, ProjectCompiler compiler, Mutant mutant, out string killer)
    {
        killer = string.Empty;
        string assembly = Path.Combine(work, compiler.AssemblyFile);
        if (!compiler.TryEmit(mutant, assembly))
        {
            return null;
        }

        string first = Path.GetFileName(mutant.Path).Split('.')[0];
        foreach (var test in area.Tests)
        {
            var limit = LimitOf(test, compiler);
            File.Copy(assembly, Path.Combine(_folders[test.Project], compiler.AssemblyFile), overwrite: true);
            var (code, output, _) = Run(test, first, limit);
            if (code != 0)
            {
                killer = code is null ? "did not end"
                    : output.Split('\n').LastOrDefault(line => line.StartsWith("FAILED", StringComparison.Ordinal)) ?? "crashed";
                return true;
            }
        }

        return false;
    }

    /// <summary>Puts the assembly back as it is.</summary>
    public void Restore(ProjectCompiler compiler)
    {
        foreach (string folder in _folders.Values)
        {
            compiler.TryEmit(mutant: null, Path.Combine(folder, compiler.AssemblyFile));
        }
    }

    // Only tests that some mutant survives to are built, and run without a mutant to see them pass and how long they take.
    private Limit LimitOf((string Project, string Filter) test, ProjectCompiler compiler)
    {
        if (_limits.TryGetValue(test, out var known))
        {
            return known;
        }

        if (!_folders.TryGetValue(test.Project, out string? folder))
        {
            Command.Run(root, "dotnet", ["build", Path.Combine("tests", test.Project), "-c", "Release"]);
            folder = Path.Combine(work, test.Project);
            Copy(Path.Combine(root, "tests", test.Project, "bin", "Release", "net10.0"), folder);
            _folders[test.Project] = folder;
        }

        compiler.TryEmit(mutant: null, Path.Combine(folder, compiler.AssemblyFile));
        long start = Stopwatch.GetTimestamp();
        var (code, output, processor) = Run(test, string.Empty, Limit.OfTools);
        if (code != 0)
        {
            throw new InvalidOperationException($"Tests of {test.Project} ({test.Filter}) fail without a mutant:\n{output}");
        }

        var took = Stopwatch.GetElapsedTime(start);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{test.Project} ({test.Filter}) takes {took.TotalSeconds:F0} s, most of it:"));
        output.Split('\n').Take(Shown).ToList().ForEach(line => Console.WriteLine($"  {line}"));
        return _limits[test] = Limit.Of(processor, took);
    }

    private (int? Code, string Output, TimeSpan Processor) Run((string Project, string Filter) test, string first, Limit limit)
    {
        string folder = _folders[test.Project];
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location,
            [StartupHook.Filter] = test.Filter,
            [StartupHook.First] = first,
        };
        return Command.Run(folder, "dotnet", [Path.Combine(folder, $"{test.Project}.dll")], limit, variables);
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }
}
