using System.Text.RegularExpressions;

namespace IommuKit.Lab.Tests.Docs;

/// <summary>docs/seed.md stays true: every statement has a row, and what the rows name exists.</summary>
public partial class SeedDocumentTests
{
    private static readonly string[] Rows =
        [.. File.ReadLines(RepositoryFiles.InRepository("docs", "seed.md")).Where(line => line.StartsWith("| S"))];

    private static readonly Lazy<string> Code = new(() => string.Join(
        '\n',
        new[] { "src", "tests" }
            .SelectMany(folder => Directory.EnumerateFiles(RepositoryFiles.InRepository(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}") && !file.EndsWith("SeedDocumentTests.cs"))
            .Select(File.ReadAllText)));

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
        var names = Rows.SelectMany(row => Named().Matches(row.Split('|')[3])).Select(match => match.Groups["name"].Value).ToList();
        names.Count.ShouldBeGreaterThan(50);
        foreach (string name in names)
        {
            if (name.StartsWith("iommukit "))
            {
                name.Split(' ')[1].ShouldBeOneOf("bench", "replay", "models");
                continue;
            }

            foreach (string part in name.Split('.'))
            {
                Regex.IsMatch(Code.Value, $@"\b{part}\b", RegexOptions.None, TimeSpan.FromSeconds(10)).ShouldBeTrue($"{name} is nowhere in the code");
            }
        }
    }

    [GeneratedRegex("`(?<name>[^`]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Named();

    [GeneratedRegex(@"\bS\d+\b", RegexOptions.None, 1000)]
    private static partial Regex S();
}
