using System.Text.RegularExpressions;

namespace IommuKit.Cli.Tests.Architecture;

/// <summary>What the documents say of the repository, and how they are written.</summary>
public partial class DocumentTests
{
    private const int MaxLine = 150;
    private const int Milliseconds = 60_000;

    [Fact]
    public void Lines_end_before_the_margin_but_for_tables_and_code()
    {
        string root = RepositoryFiles.InRepository(".");
        string[] files =
        [
            .. Directory.GetFiles(root, "*.md"), .. Directory.GetFiles(Path.Combine(root, "docs"), "*.md"), Path.Combine(root, "samples", "README.md"),
        ];
        files.Length.ShouldBeGreaterThan(10);
        var tooLong = new List<string>();
        foreach (string file in files)
        {
            bool isCode = false;
            int number = 0;
            foreach (string line in File.ReadLines(file))
            {
                number++;
                isCode ^= line.TrimStart().StartsWith("```", StringComparison.Ordinal);
                if (line.Length > MaxLine && !isCode && !line.StartsWith('|') && !line.StartsWith("    ", StringComparison.Ordinal))
                {
                    tooLong.Add($"{Path.GetFileName(file)}:{number}");
                }
            }
        }

        tooLong.ShouldBeEmpty();
    }

    /// <summary>CONTRIBUTING says which folders an IOMMU has: every IOMMU with a driver has them all, and a line in each catalogue.</summary>
    [Fact]
    public void Every_IOMMU_has_the_rooms_that_CONTRIBUTING_names()
    {
        string text = File.ReadAllText(RepositoryFiles.InRepository("CONTRIBUTING.md"));
        string[] rooms = [.. Room().Matches(text).Select(match => match.Groups["path"].Value).Distinct()];
        string[] catalogues = [.. Catalogue().Matches(text).Select(match => match.Groups["path"].Value).Distinct()];
        string[] iommus =
        [
            .. Directory.GetDirectories(RepositoryFiles.InRepository("src", "IommuKit", "Drivers")).Select(folder => Path.GetFileName(folder)!)
                .Where(name => name != "Software"),
        ];
        rooms.Length.ShouldBe(5);
        catalogues.Length.ShouldBe(2);
        iommus.ShouldContain("Tegra");
        foreach (string iommu in iommus)
        {
            foreach (string room in rooms)
            {
                Directory.GetFiles(RepositoryFiles.InRepository(room.Replace("<X>", iommu)), "*.cs").ShouldNotBeEmpty($"{room} of {iommu}");
            }

            foreach (string catalogue in catalogues)
            {
                File.ReadAllText(RepositoryFiles.InRepository(catalogue)).ShouldContain(iommu, Case.Sensitive, catalogue);
            }
        }
    }

    [GeneratedRegex(@"^\| `(?<path>src/[^`]*<X>)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, Milliseconds)]
    private static partial Regex Room();

    [GeneratedRegex(@"`(?<path>src/[^`<]*\.cs)`", RegexOptions.ExplicitCapture, Milliseconds)]
    private static partial Regex Catalogue();
}
