using System.Diagnostics;

namespace IommuKit.Mutate;

/// <summary>Copies of built tests, in which assemblies are replaced.</summary>
internal sealed class TestBench(string root, string work)
{
    // A mutant that takes so many times longer does not end, for all that anybody cares.
    private const int Slack = 4;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Project, string Filter), TimeSpan> _limits = [];

    /// <summary>Builds and copies what an area needs, puts the assembly in it as it is, and sees all its tests pass.</summary>
    public void Prepare(Area area, ProjectCompiler compiler)
    {
        foreach (string project in area.TestProjects)
        {
            if (!_folders.TryGetValue(project, out string? folder))
            {
                Command.Run(root, "dotnet", ["build", Path.Combine("tests", project), "-c", "Release"]);
                folder = Path.Combine(work, project);
                Copy(Path.Combine(root, "tests", project, "bin", "Release", "net10.0"), folder);
                _folders[project] = folder;
            }

            compiler.TryEmit(mutant: null, Path.Combine(folder, compiler.AssemblyFile));
        }

        foreach (var test in area.Tests.Where(test => !_limits.ContainsKey(test)))
        {
            long start = Stopwatch.GetTimestamp();
            var (code, output) = Run(test, TimeSpan.FromMinutes(20));
            if (code != 0)
            {
                throw new InvalidOperationException($"Tests of {test.Project} ({test.Filter}) fail without a mutant:\n{output}");
            }

            _limits[test] = (Slack * Stopwatch.GetElapsedTime(start)) + Grace;
        }
    }

    /// <summary>Whether some test notices a mutant.</summary>
    /// <returns>Null if it does not compile.</returns>
    public bool? IsKilled(Area area, ProjectCompiler compiler, Mutant mutant)
    {
        string assembly = Path.Combine(work, compiler.AssemblyFile);
        if (!compiler.TryEmit(mutant, assembly))
        {
            return null;
        }

        foreach (string project in area.TestProjects)
        {
            File.Copy(assembly, Path.Combine(_folders[project], compiler.AssemblyFile), overwrite: true);
        }

        return area.Tests.Any(test => Run(test, _limits[test]).Code != 0);
    }

    /// <summary>Puts the assembly back as it is.</summary>
    public void Restore(Area area, ProjectCompiler compiler)
    {
        foreach (string project in area.TestProjects)
        {
            compiler.TryEmit(mutant: null, Path.Combine(_folders[project], compiler.AssemblyFile));
        }
    }

    private (int? Code, string Output) Run((string Project, string Filter) test, TimeSpan limit)
    {
        string[] filter = test.Filter.Length == 0 ? [] : [$"--TestCaseFilter:{test.Filter}"];
        string folder = _folders[test.Project];
        return Command.Run(folder, "dotnet", ["vstest", $"{test.Project}.dll", .. filter, "--", "xUnit.StopOnFail=true"], limit);
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
