namespace IommuKit.Mutate;

/// <summary>A part of the source whose tests are put to the test.</summary>
/// <param name="Name">How it is asked for.</param>
/// <param name="Project">The project that holds it, in <c>src</c>.</param>
/// <param name="Folder">Its folder in the project; empty for all of it.</param>
/// <param name="Tests">What may notice a mutant, quickest first: a test project, and parts of the names of its classes (those
/// after a minus sign are left out).</param>
internal sealed record Area(string Name, string Project, string Folder, IReadOnlyList<(string Project, string Filter)> Tests)
{
    private const string Engine = "IommuKit.Tests";
    private const string Models = "IommuKit.Models.Tests";
    private const string Lab = "IommuKit.Lab.Tests";
    /// <summary>All areas.</summary>
    public static IReadOnlyList<Area> All { get; } =
    [
        new(
            "Sync", "IommuKit", "Sync",
            [(Engine, "Sync,Domains"), (Engine, "Drivers,Concurrency,UnmapTests"), (Lab, "FoundByCheck,PlantedBug"), (Lab, "DriverCheck")]),
        new(
            "Domains", "IommuKit", "Domains",
            [(Engine, "Domains,Sync"), (Engine, "Drivers,Concurrency"), (Lab, "FoundByCheck,PlantedBug"), (Lab, "DriverCheck")]),
        new(
            "Drivers", "IommuKit", "Drivers",
            [(Engine, "Drivers,Domains"), (Lab, "Lab.Tests.Tegra"), (Lab, "FoundByCheck,PlantedBug"), (Lab, "DriverCheck")]),
        new("PageTables", "IommuKit", "PageTables", [(Engine, "PageTables,-RandomMap"), (Engine, "RandomMap"), (Engine, "Domains,Drivers")]),
        new("Models", "IommuKit.Models", string.Empty, [(Models, string.Empty), (Engine, "Drivers,Concurrency"), (Lab, "Lab.Tests.Machines")]),
        new(
            "Specs", "IommuKit.Specs", string.Empty,
            [("IommuKit.Specs.Tests", string.Empty), (Models, string.Empty), (Engine, "PageTables,Drivers,-RandomMap")]),
        InLab("Replay", "Explain"),
        InLab("Costs", "Explain,Bench"),
        InLab("Traces", "Replay,Audit"),
        InLab("Audit"),
        InLab("Faults", "Verdict"),
        InLab("Verdict"),
        new("Checker", "IommuKit.Lab", "Checker", [(Lab, "Lab.Tests.Checker,-DriverCheck"), (Lab, "DriverCheck")]),
        new("Cli", "IommuKit.Cli", string.Empty, [("IommuKit.Cli.Tests", string.Empty)]),
    ];

    private static Area InLab(string name, string? others = null)
    {
        (string, string) own = (Lab, $"Lab.Tests.{name}");
        return new(name, "IommuKit.Lab", name, others is null ? [own] : [own, (Lab, others)]);
    }
}
