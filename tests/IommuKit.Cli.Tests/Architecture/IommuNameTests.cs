namespace IommuKit.Cli.Tests.Architecture;

/// <summary>
/// An IOMMU is named only in the folders that are called after it: Specs, driver, model, and what the lab and the checker know of it. Comments may
/// name one as an example. Traces name what they were recorded on, and a real host what it has: these are left out.
/// </summary>
public partial class IommuNameTests
{
    /// <summary>
    /// The catalogues, of which each line is for one IOMMU, and what is about the machine of the proposal. Nobody puts another file in.
    /// </summary>
    private static readonly string[] Exceptions =
    [
        "IommuKit.Checker/CheckTargets.cs",
        "IommuKit.Cli/Output/Report/SeedSection.cs",
        "IommuKit.Lab/Costs/CostFile.cs",
        "IommuKit.Lab/Iommus/ConformCatalog.cs",
        "IommuKit.Lab/Iommus/FormatCatalog.cs",
        "IommuKit.Lab/Iommus/InspectCatalog.cs",
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
                && !path.StartsWith("IommuKit.Linux/", StringComparison.Ordinal)
            let code = string.Concat(File.ReadLines(file).Select(line => OfFormatsAndTraces().Replace(line.Split("//")[0], string.Empty)))
            where names.Any(name => !path.Contains($"/{name}/") && code.Contains(name, StringComparison.OrdinalIgnoreCase))
            select path;
        found.ShouldBe(Exceptions, ignoreOrder: true);
    }

    /// <summary>
    /// Page-table formats, which software walkers have too, and what traces hold: events, and descriptors as a kernel queued them. They are called
    /// after the IOMMU that they come from.
    /// </summary>
    [System.Text.RegularExpressions.GeneratedRegex(
        @"Specs\.Vtd\b|Vtd(SecondStage|Invalidation|Granularity|Mapping|Leaf|Flags)\w*|LevelNames\.Vtd|string Vtd\(|vtd-(ss|mapping)\b",
        System.Text.RegularExpressions.RegexOptions.ExplicitCapture,
        1000)]
    private static partial System.Text.RegularExpressions.Regex OfFormatsAndTraces();
}
