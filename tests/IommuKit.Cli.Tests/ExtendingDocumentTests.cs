using System.Text.RegularExpressions;

namespace IommuKit.Cli.Tests;

/// <summary>docs/extending.md shows parts of a sample, as they are: what is compiled and run there is what is read here.</summary>
public partial class ExtendingDocumentTests
{
    private static readonly string Text = File.ReadAllText(RepositoryFiles.InRepository("docs", "extending.md"));

    /// <summary>That of docs/embedding.md is part of what the models are tested with.</summary>
    [Theory]
    [InlineData("extending.md", 9)]
    [InlineData("embedding.md", 2)]
    public void All_code_is_part_of_something_that_is_run(string document, int atLeast)
    {
        string text = File.ReadAllText(RepositoryFiles.InRepository("docs", document));
        var blocks = Code().Matches(text);
        blocks.Count.ShouldBe(Regex.Count(text, "```csharp"));
        blocks.Count.ShouldBeGreaterThanOrEqualTo(atLeast);
        foreach (Match block in blocks)
        {
            string file = RepositoryFiles.InRepository(block.Groups["file"].Value.Split('/'));
            File.ReadAllText(file).ShouldContain(block.Groups["code"].Value, Case.Sensitive, block.Groups["file"].Value);
        }
    }

    [Fact]
    public void All_commands_are_understood()
    {
        string[] lines = [.. Lines().Matches(Text).Select(match => match.Groups["line"].Value)];
        lines.Length.ShouldBeGreaterThan(6);
        foreach (string line in lines)
        {
            // Long runs are left to other tests: with --help a command line is read, and no more.
            string[] words = line.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] args = [.. words.Select(word => word.EndsWith("MyIommu.dll") ? typeof(MyIommu.MyExtension).Assembly.Location : word)];
            Command.Succeed([.. args, "--help"]).ShouldContain("--load");
        }
    }

    [GeneratedRegex(
        "```csharp\n// (?<file>[^\n]+)\n(?<code>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Code();

    [GeneratedRegex("^iommukit (?<line>[^\n]+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Lines();
}
