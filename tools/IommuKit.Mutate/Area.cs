namespace IommuKit.Mutate;

/// <summary>A part of the source whose tests are put to the test.</summary>
/// <param name="Name">How it is asked for.</param>
/// <param name="Project">The project that holds it, in <c>src</c>.</param>
/// <param name="Folder">Its folder in the project; empty for all of it.</param>
/// <param name="Tests">What may notice a mutant, quickest first: a test project and a filter of <c>dotnet test</c>.</param>
internal sealed record Area(string Name, string Project, string Folder, IReadOnlyList<(string Project, string Filter)> Tests)
{
    private const string Engine = "IommuKit.Tests";
    private const string Lab = "IommuKit.Lab.Tests";
    private const string Drivers = "FullyQualifiedName~DriverCheckTests|FullyQualifiedName~FoundByCheckTests|FullyQualifiedName~PlantedBugTests";

    /// <summary>The test projects, each once.</summary>
    public IEnumerable<string> TestProjects => Tests.Select(test => test.Project).Distinct(StringComparer.Ordinal);

    /// <summary>All areas.</summary>
    public static IReadOnlyList<Area> All { get; } =
    [
        new("Sync", "IommuKit", "Sync", [(Engine, "FullyQualifiedName~Sync|FullyQualifiedName~Domains"), (Engine, "FullyQualifiedName~PageTables"), (Lab, Drivers)]),
        new("Domains", "IommuKit", "Domains", [(Engine, "FullyQualifiedName~Domains|FullyQualifiedName~Sync"), (Engine, "FullyQualifiedName~Drivers"), (Lab, Drivers)]),
        new("Drivers", "IommuKit", "Drivers", [(Engine, "FullyQualifiedName~Drivers"), (Engine, "FullyQualifiedName~Domains"), (Lab, Drivers)]),
        new("PageTables", "IommuKit", "PageTables", [(Engine, "FullyQualifiedName~PageTables"), (Engine, "FullyQualifiedName!~PageTables")]),
        new("Models", "IommuKit.Models", string.Empty, [("IommuKit.Models.Tests", string.Empty), (Engine, "FullyQualifiedName~Drivers")]),
        new("Specs", "IommuKit.Specs", string.Empty, [("IommuKit.Specs.Tests", string.Empty), (Engine, "FullyQualifiedName~PageTables|FullyQualifiedName~Drivers")]),
        InLab("Replay", "FullyQualifiedName~Explain"),
        InLab("Costs", "FullyQualifiedName~Explain|FullyQualifiedName~Bench"),
        InLab("Traces", "FullyQualifiedName~Replay|FullyQualifiedName~Audit"),
        InLab("Audit"),
        InLab("Checker"),
        new("Cli", "IommuKit.Cli", string.Empty, [("IommuKit.Cli.Tests", string.Empty)]),
    ];

    private static Area InLab(string name, string? others = null)
    {
        (string, string) own = (Lab, $"FullyQualifiedName~Lab.Tests.{name}");
        return new(name, "IommuKit.Lab", name, others is null ? [own] : [own, (Lab, others)]);
    }
}
