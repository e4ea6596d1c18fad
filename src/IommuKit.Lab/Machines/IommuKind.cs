namespace IommuKit.Lab.Machines;

/// <summary>An IOMMU as everything else knows it: what it is called, how it can be tuned, and how a machine with it is built.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Description">What it is, in one line.</param>
/// <param name="Create">Builds a machine with it.</param>
public sealed record IommuKind(string Name, string Description, Func<MachineSettings, Machine> Create)
{
    /// <summary>Reads that end when writes before them have taken effect.</summary>
    public const string ReadBacks = "read-backs";

    /// <summary>What can be tuned about its driver, beside what every driver has.</summary>
    public IReadOnlyList<TuningOption> Tuning { get; init; } = [];

    /// <summary>
    /// What operations cost on it unless somebody names other costs: the name of costs that come with the library, or a file; null for the first of
    /// those.
    /// </summary>
    public string? Costs { get; init; }

    /// <summary>
    /// What traces are called that were recorded on such an IOMMU (<see cref="Traces.RecordedIommu.Name"/>): it is taken for them unless somebody
    /// asks for another, if it is the first such kind with its traits. Null if there are none.
    /// </summary>
    public string? RecordedOn { get; init; }

    /// <summary>
    /// What is special about it of what traces can show (<see cref="Traces.RecordedIommu.Traits"/>): of the kinds of one name, the one is taken that
    /// has most of what a trace shows and nothing else (<see cref="Replay.TraceOrigin.KindIn"/>).
    /// </summary>
    public IReadOnlyList<string> RecordedTraits { get; init; } = [];

    /// <summary>
    /// Whether its driver gives commands by a queue in memory. Where an operation is taken apart by its accesses, such an IOMMU cannot take part.
    /// </summary>
    public bool HasQueue { get; init; }

    /// <summary>What the reads of registers are called by which its driver waits, where it does.</summary>
    public string Waits { get; init; } = ReadBacks;
}
