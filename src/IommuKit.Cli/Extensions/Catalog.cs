using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using IommuKit.Checker;
using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Extensions;

/// <summary>What one run of the command knows: what comes with it, and what was loaded.</summary>
internal sealed class Catalog
{
    private readonly List<IommuKind> _machines = [.. MachineCatalog.All];

    // These take longer to make than all commands, of which most ask for none.
    private readonly Lazy<List<FormatKind>> _formats = new(() => [.. FormatCatalog.All]);
    private readonly Lazy<List<CheckTarget>> _targets = new(() => [.. CheckTargets.All]);
    private readonly List<CheckTarget> _loadedTargets = [];
    private readonly List<FormatKind> _loadedFormats = [];
    private readonly Dictionary<string, string> _fileOfKind = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<Assembly, string> _files = [];

    /// <summary>Kinds of IOMMU.</summary>
    public IReadOnlyList<IommuKind> Machines => _machines;

    /// <summary>Page-table formats.</summary>
    public IReadOnlyList<FormatKind> Formats => _formats.Value;

    /// <summary>What can be checked.</summary>
    public IReadOnlyList<CheckTarget> Targets => _targets.Value;

    /// <summary>What is checked unless somebody asks for others: what was loaded, if that can be checked.</summary>
    public IReadOnlyList<CheckTarget> DefaultTargets => _loadedTargets.Exists(target => target.IsDefault)
        ? [.. _loadedTargets.Where(target => target.IsDefault)]
        : CheckTargets.Default;

    /// <summary>The same at the ends of the address space.</summary>
    public IReadOnlyList<CheckTarget> DefaultTargetsAtEnds => _loadedTargets.Exists(target => target.IsDefault)
        ? [.. _loadedTargets.Where(target => target.IsDefaultAtEnds)]
        : CheckTargets.AtEnds;

    /// <summary>What can be tuned about some driver or other, beside what every driver has.</summary>
    public IReadOnlyList<TuningOption> Tuning => [.. _machines.SelectMany(kind => kind.Tuning).Distinct()];

    /// <summary>The names of all bugs that can be planted somewhere.</summary>
    public IReadOnlyList<string> Bugs =>
        [.. _targets.Value.SelectMany(PlantedBugs.Of).Select(bug => bug.Name).Distinct(StringComparer.OrdinalIgnoreCase)];

    /// <summary>The kind of that name, or null.</summary>
    public IommuKind? FindMachine(string name) => _machines.Find(kind => IsNamed(kind.Name, name));

    /// <summary>The format of that name, or null.</summary>
    public FormatKind? FindFormat(string name) => _formats.Value.Find(kind => IsNamed(kind.Name, name));

    /// <summary>The target of that name, or null: also one with a walker in software of any format.</summary>
    public CheckTarget? FindTarget(string name) =>
        _targets.Value.Find(target => IsNamed(target.Name, name))
        ?? CheckTargets.Find(name)
        ?? _loadedFormats.SelectMany(CheckTargets.InFormat).FirstOrDefault(target => IsNamed(target.Name, name));

    /// <summary>The bench with the least that its operations need, as far as that is known.</summary>
    public BenchOptions WithBounds(BenchOptions options) => options with { Least = BenchBounds.Of(options, FindTarget) };

    /// <summary>Takes what an extension brings.</summary>
    /// <param name="file">The file that it is in.</param>
    /// <param name="extension">The extension.</param>
    /// <exception cref="ExtensionException">A name is taken, or cannot be one.</exception>
    public void Add(string file, IIommuKitExtension extension)
    {
        _files[extension.GetType().Assembly] = file;
        foreach (var kind in extension.Kinds)
        {
            CheckName("IOMMU", kind?.Name, FindMachine);
            foreach (var option in kind!.Tuning)
            {
                CheckName("tuning option", option?.Name, name => Tuning.FirstOrDefault(other => other.Name == name && other != option));
            }

            _machines.Add(kind);
            _fileOfKind[kind.Name] = file;
        }

        foreach (var format in extension.Formats)
        {
            CheckName("format", format?.Name, FindFormat);
            _formats.Value.Add(format!);
            _loadedFormats.Add(format!);
        }

        foreach (var target in extension.Targets)
        {
            CheckName("target of check", target?.Name, FindTarget);
            _targets.Value.Add(target!);
            _loadedTargets.Add(target!);
        }
    }

    /// <summary>What an exception says about what was loaded, in a line; null if none of that had to do with it.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = ExtensionLoader.WholeProgram)]
    public string? Blame(Exception exception)
    {
        foreach (var one in Chain(exception))
        {
            if (one is MachineException machine && _fileOfKind.TryGetValue(machine.Iommu, out string? owner))
            {
                return $"--load: {owner}: {machine.Message}";
            }

            var frames = new System.Diagnostics.StackTrace(one, fNeedFileInfo: false).GetFrames();
            var method = frames.Select(frame => frame.GetMethod()).FirstOrDefault(method => method is not null && IsLoaded(method));
            if (method is not null)
            {
                string type = method.DeclaringType?.Name is { } name ? $"{name}." : string.Empty;
                return $"--load: {_files[method.Module.Assembly]}: {type}{method.Name} failed: {one.GetType().Name}: {one.Message}";
            }
        }

        return null;
    }

    private static bool IsNamed(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    private static void CheckName(string what, string? name, Func<string, object?> find)
    {
        bool isName = !string.IsNullOrEmpty(name)
            && !IsNamed(name, "all")
            && char.IsAsciiLetterOrDigit(name[0])
            && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');
        if (!isName)
        {
            throw new ExtensionException(
                $"it brings {(name is null ? "null" : $"\"{name}\"")} as the name of an {what}; "
                    + "that has letters, digits, -, _ and ., and is not \"all\"");
        }

        if (find(name!) is not null)
        {
            throw new ExtensionException($"there is \"{name}\" already; give its {what} another name");
        }
    }

    private static IEnumerable<Exception> Chain(Exception exception)
    {
        // The innermost first: it is what happened.
        IEnumerable<Exception> inner = exception switch
        {
            AggregateException many => many.InnerExceptions,
            { InnerException: { } one } => [one],
            _ => [],
        };
        return inner.SelectMany(Chain).Append(exception);
    }

    private bool IsLoaded(MethodBase method) => _files.ContainsKey(method.Module.Assembly);
}
