namespace IommuKit.Cli.Tests.Architecture;

/// <summary>
/// An IOMMU is named only in the folders that are called after it: Specs, driver, model, and what the lab and the checker know of it. Comments may
/// name one as an example. Traces name what they were recorded on, and are left out.
/// </summary>
public class IommuNameTests
{
    /// <summary>
    /// Files that still name an IOMMU. This list may only shrink: whoever mends one takes it out, and nobody puts one in. The catalogues of machines
    /// and formats stay.
    /// </summary>
    private static readonly string[] Exceptions =
    [
        "IommuKit.Checker/CheckTarget.cs",
        "IommuKit.Checker/CheckTargets.cs",
        "IommuKit.Checker/Planted/EarlyReuse.cs",
        "IommuKit.Checker/Planted/PlantedBugs.cs",
        "IommuKit.Checker/Planted/TornFlush.cs",
        "IommuKit.Checker/Planted/TornRoot.cs",
        "IommuKit.Checker/Planted/UndercountedLines.cs",
        "IommuKit.Cli/Commands/CalibrationSource.cs",
        "IommuKit.Cli/Commands/CheckCommand.cs",
        "IommuKit.Cli/Commands/RunOptions.cs",
        "IommuKit.Cli/Output/PoliciesOutput.cs",
        "IommuKit.Cli/Output/Report/SeedSection.cs",
        "IommuKit.Lab/Costs/CostFile.cs",
        "IommuKit.Lab/Formats/EntryFlags.cs",
        "IommuKit.Lab/Formats/FormatCatalog.cs",
        "IommuKit.Lab/Formats/LevelNames.cs",
        "IommuKit.Lab/Iommus/MachineCatalog.cs",
        "IommuKit.Lab/Seed/SeedTable.cs",
    ];

    [Fact]
    public void No_general_file_names_an_IOMMU()
    {
        string source = RepositoryFiles.InRepository("src");
        string[] names =
        [
            .. Directory.GetDirectories(Path.Combine(source, "IommuKit", "Drivers")).Select(folder => Path.GetFileName(folder)!)
                .Where(name => name != "Software"),
        ];
        names.ShouldContain("Tegra");
        var found =
            from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            let path = Path.GetRelativePath(source, file).Replace('\\', '/')
            where !path.Contains("/obj/") && !path.Contains("/bin/") && !path.StartsWith("IommuKit.Traces/", StringComparison.Ordinal)
            let code = string.Concat(File.ReadLines(file).Select(line => line.Split("//")[0]))
            where names.Any(name => !path.Contains($"/{name}/") && code.Contains(name, StringComparison.OrdinalIgnoreCase))
            select path;
        found.ShouldBe(Exceptions, ignoreOrder: true);
    }
}
