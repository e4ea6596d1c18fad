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
    private const string Traces = "IommuKit.Traces.Tests";
    private const string Checker = "IommuKit.Checker.Tests";
    private const string Analysis = "IommuKit.Analysis.Tests";

    /// <summary>All areas.</summary>
    public static IReadOnlyList<Area> All { get; } =
    [
        new(
            "Sync", "IommuKit", "Sync",
            [(Engine, "Sync,Domains"), (Engine, "Drivers,Concurrency,UnmapTests"), (Checker, "FoundByCheck,PlantedBug"), (Checker, "DriverCheck")]),
        new(
            "Domains", "IommuKit", "Domains",
            [(Engine, "Domains,Sync"), (Engine, "Drivers,Concurrency"), (Checker, "FoundByCheck,PlantedBug"), (Checker, "DriverCheck")]),
        new(
            "Drivers", "IommuKit", "Drivers",
            [(Engine, "Drivers,Domains"), (Lab, "Lab.Tests.Tegra"), (Checker, "FoundByCheck,PlantedBug"), (Checker, "DriverCheck")]),
        new("PageTables", "IommuKit", "PageTables", [(Engine, "PageTables,-RandomMap"), (Engine, "RandomMap"), (Engine, "Domains,Drivers")]),
        new("Models", "IommuKit.Models", string.Empty, [(Models, string.Empty), (Engine, "Drivers,Concurrency"), (Lab, "Lab.Tests.Machines")]),
        new(
            "Specs", "IommuKit.Specs", string.Empty,
            [("IommuKit.Specs.Tests", string.Empty), (Models, string.Empty), (Engine, "PageTables,Drivers,-RandomMap")]),
        new("Replay", "IommuKit.Lab", "Replay", [(Lab, "Lab.Tests.Replay"), (Analysis, "Explain")]),
        new("Costs", "IommuKit.Lab", "Costs", [(Lab, "Bench"), (Analysis, "Calibration,Explain")]),
        new("Calibration", "IommuKit.Analysis", "Calibration", [(Analysis, "Calibration,Explain")]),
        new("Traces", "IommuKit.Traces", string.Empty, [(Traces, "-Audit,-Faults"), (Traces, "Audit"), (Lab, "Replay")]),
        new("Audit", "IommuKit.Traces", "Audit", [(Traces, "Tests.Audit")]),
        new("Faults", "IommuKit.Traces", "Faults", [(Traces, "Tests.Faults"), (Analysis, "Verdict")]),
        new("Verdict", "IommuKit.Analysis", "Verdict", [(Analysis, "Verdict")]),
        new("Checker", "IommuKit.Checker", string.Empty, [(Checker, "-DriverCheck"), (Checker, "DriverCheck")]),
        new("Cli", "IommuKit.Cli", string.Empty, [("IommuKit.Cli.Tests", string.Empty)]),
    ];
}
