using System.Reflection;
using System.Text.RegularExpressions;
using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Models.Memory;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Docs;

/// <summary>docs/seed.md stays true: every statement has a row, and what the rows name exists.</summary>
public partial class SeedDocumentTests
{
    private const BindingFlags Anything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    private static readonly string[] Rows =
        [.. File.ReadLines(RepositoryFiles.InRepository("docs", "seed.md")).Where(line => line.StartsWith("| S"))];

    private static readonly Type[] Types =
        [.. new[] { typeof(TegraSoc), typeof(IommuDomain), typeof(PhysicalMemory), typeof(BenchRunner) }
            .SelectMany(type => type.Assembly.GetTypes())];

    private static readonly Lazy<IReadOnlyList<string>> TestSources = new(() =>
    [
        .. Directory.EnumerateFiles(RepositoryFiles.InRepository("tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
            .Select(File.ReadAllText),
    ]);

    private static readonly Lazy<HashSet<string>> Tests = new(() =>
        [.. TestSources.Value.SelectMany(source => TestMethod().Matches(source)).Select(match => match.Groups["name"].Value)]);

    private static readonly Lazy<HashSet<string>> TestClasses = new(() =>
        [.. TestSources.Value.Where(source => TestMethod().IsMatch(source))
            .SelectMany(source => TestClass().Matches(source))
            .Select(match => match.Groups["name"].Value)]);

    [Fact]
    public void Every_statement_has_a_row() =>
        Rows.Select(row => row.Split('|')[1].Trim()).ShouldBe(Enumerable.Range(1, 44).Select(number => $"S{number}"));

    [Fact]
    public void Every_row_says_where_the_statement_is_shown_or_that_it_is_open()
    {
        foreach (string row in Rows)
        {
            string where = row.Split('|')[3];
            (where.Contains('`') || where.Contains("open") || where.Contains("not offered") || S().IsMatch(where)).ShouldBeTrue(row);
        }
    }

    [Fact]
    public void What_the_rows_name_exists()
    {
        string[] names = [.. Rows.SelectMany(row => Named().Matches(row.Split('|')[3])).Select(match => match.Groups["name"].Value).Distinct()];
        names.Length.ShouldBeGreaterThan(40);
        names.Where(name => !Exists(name)).ShouldBeEmpty();
    }

    /// <summary>The check above is worth nothing if it finds everything.</summary>
    [Theory]
    [InlineData("Size")]
    [InlineData("IommuDomain.Remap")]
    [InlineData("IommuDomain.Map.Map")]
    [InlineData("Every_statement_has_no_row")]
    [InlineData("Domains")]
    [InlineData("iommukit fly")]
    [InlineData("iommukit bench --faster")]
    [InlineData("iommukit replay samples/none.gz")]
    public void What_is_not_there_is_not_found(string name) => Exists(name).ShouldBeFalse();

    private static bool Exists(string name) => name.StartsWith("iommukit ") ? IsCommand(name.Split(' ')) : IsTest(name) || IsMember(name);

    private static bool IsCommand(string[] words)
    {
        string file = $"{char.ToUpperInvariant(words[1][0])}{words[1][1..]}Command.cs";
        string folder = RepositoryFiles.InRepository("src", "IommuKit.Cli", "Commands");
        string options = string.Concat(Directory.EnumerateFiles(folder).Select(File.ReadAllText));
        return File.Exists(Path.Combine(folder, file)) && words.Skip(2).All(word =>
            word.StartsWith("--") ? options.Contains($"\"{word}\"") : File.Exists(RepositoryFiles.InRepository(word)));
    }

    private static bool IsTest(string name) => Tests.Value.Contains(name) || TestClasses.Value.Contains(name);

    /// <summary>"Type" or "Type.Member".</summary>
    private static bool IsMember(string name)
    {
        string[] parts = name.Split('.');
        var types = Types.Where(type => type.Name.Split('`')[0] == parts[0]).ToList();
        return parts.Length switch
        {
            1 => types.Count != 0,
            2 => types.Exists(type => type.GetMember(parts[1], Anything).Length != 0),
            _ => false,
        };
    }

    [GeneratedRegex("`(?<name>[^`]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Named();

    [GeneratedRegex(@"\bS\d+\b", RegexOptions.None, 1000)]
    private static partial Regex S();

    /// <summary>A method under an attribute that makes it a test, with other attributes between.</summary>
    [GeneratedRegex(
        @"^ *\[(Shared|Alone)?(Fact|Theory|Property)\b[^\n]*\]\n( *(\[|//|///)[^\n]*\n)* *public (async )?\S+ (?<name>\w+)\(",
        RegexOptions.ExplicitCapture | RegexOptions.Multiline,
        5000)]
    private static partial Regex TestMethod();

    [GeneratedRegex(
        @"^(public |internal |sealed |abstract |partial )*class (?<name>\w+)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex TestClass();
}
