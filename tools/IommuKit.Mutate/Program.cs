using System.Diagnostics;
using System.Globalization;
using IommuKit.Mutate;

// Changes one line at a time and sees whether a test notices. docs/testing.md says how to use it.
const int DefaultCount = 12;
const int DefaultFloor = 90;
const string Usage = "usage: scripts/mutate [--area NAME,...] [--count N] [--seed N] [--floor PERCENT] [--list]";

int count = DefaultCount;
int floor = DefaultFloor;
int seed = 1;
bool isList = false;
IReadOnlyList<Area> areas = Area.All;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--list":
            isList = true;
            break;
        case "--area" when i + 1 < args.Length:
            string[] names = args[++i].Split(',');
            areas = [.. Area.All.Where(area => names.Contains(area.Name, StringComparer.OrdinalIgnoreCase))];
            if (areas.Count != names.Length)
            {
                return Fail($"areas are {string.Join(", ", Area.All.Select(area => area.Name))}");
            }

            break;
        case "--count" when i + 1 < args.Length && TryNumber(args[++i], out count):
        case "--seed" when i + 1 < args.Length && TryNumber(args[++i], out seed):
        case "--floor" when i + 1 < args.Length && TryNumber(args[++i], out floor):
            break;
        default:
            return Fail(Usage);
    }
}

string root = Directory.GetCurrentDirectory();
if (!File.Exists(Path.Combine(root, "IommuKit.slnx")))
{
    return Fail("run it at the root of the repository");
}

var equivalents = Equivalents.Read(Path.Combine(root, "tools", "IommuKit.Mutate", "equivalent.tsv"));

// In the repository: some tests look for its files from where they run.
var folder = Directory.CreateDirectory(Path.Combine(root, "artifacts", $"mutate-{Environment.ProcessId}"));
var summary = new List<string>();
bool isBelow = false;
try
{
    var bench = new TestBench(root, folder.FullName);
    var compilers = new Dictionary<string, ProjectCompiler>(StringComparer.Ordinal);
    foreach (var area in areas)
    {
        if (!compilers.TryGetValue(area.Project, out var compiler))
        {
            compilers[area.Project] = compiler = new ProjectCompiler(root, area.Project);
        }

        isBelow |= !IsAboveFloor(area, compiler, bench);
    }
}
finally
{
    folder.Delete(recursive: true);
}

Console.WriteLine();
Console.WriteLine("| area | mutants | killed | survived | equivalent |");
Console.WriteLine("|---|---|---|---|---|");
summary.ForEach(Console.WriteLine);
return isBelow ? 1 : 0;

bool IsAboveFloor(Area area, ProjectCompiler compiler, TestBench bench)
{
    string start = Path.Combine(root, "src", area.Project, area.Folder) + Path.DirectorySeparatorChar;
    string generated = Path.Combine(root, "src", area.Project, "obj") + Path.DirectorySeparatorChar;

    // Of a whole project, the folders that are areas of their own are left out.
    string[] others =
    [
        generated,
        .. Area.All.Where(other => other.Project == area.Project && area.Folder.Length == 0 && other.Folder.Length != 0)
            .Select(other => Path.Combine(root, "src", other.Project, other.Folder) + Path.DirectorySeparatorChar),
    ];
    Mutant[] all =
    [
        .. compiler.Compilation.SyntaxTrees
            .Where(tree => tree.FilePath.StartsWith(start, StringComparison.Ordinal))
            .Where(tree => !others.Any(other => tree.FilePath.StartsWith(other, StringComparison.Ordinal)))
            .OrderBy(tree => tree.FilePath, StringComparer.Ordinal)
            .SelectMany(Mutator.Find),
    ];
    new Random(seed).Shuffle(all);
    Console.WriteLine($"== {area.Name}: {Math.Min(count, all.Length)} of {all.Length} mutants");
    if (isList)
    {
        foreach (var mutant in all.Take(count))
        {
            Show("listed", mutant, string.Empty);
        }

        return true;
    }

    int killed = 0;
    int survived = 0;
    int equivalent = 0;
    long begun = Stopwatch.GetTimestamp();
    foreach (var mutant in all)
    {
        if (killed + survived == count)
        {
            break;
        }

        if (equivalents.Contains(FileOf(mutant), mutant))
        {
            equivalent++;
        }
        else if (bench.IsKilled(area, compiler, mutant, out string killer) is { } isKilled)
        {
            killed += isKilled ? 1 : 0;
            survived += isKilled ? 0 : 1;
            Show(isKilled ? "killed" : "SURVIVED", mutant, killer);
        }
    }

    bench.Restore(compiler);
    bool isAbove = killed * 100 >= floor * (killed + survived);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{area.Name}: {killed} of {killed + survived} in {Stopwatch.GetElapsedTime(begun).TotalSeconds:F0} s"));
    summary.Add($"| {area.Name} | {killed + survived} | {killed} | {survived}{(isAbove ? string.Empty : " (below the floor)")} | {equivalent} |");
    return isAbove;
}

string FileOf(Mutant mutant) => Path.GetRelativePath(root, mutant.Path).Replace('\\', '/');

void Show(string what, Mutant mutant, string by) =>
    Console.WriteLine($"{what}\t{FileOf(mutant)}:{mutant.LineNumber}\t{mutant.Line}\t{mutant.Change}\t{by}");

static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    return 2;
}
