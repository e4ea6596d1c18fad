using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Replay;

/// <summary>What a replay runs.</summary>
public sealed record ReplayOptions
{
    /// <summary>Kinds of machine.</summary>
    public required IReadOnlyList<MachineKind> Machines { get; init; }

    /// <summary>Policies.</summary>
    public IReadOnlyList<SyncPolicy> Policies { get; init; } = Enum.GetValues<SyncPolicy>();

    /// <summary>From how many pages on a flush of everything replaces ranges; 0 means never.</summary>
    public int FlushAllPages { get; init; }

    /// <summary>How the machines are to be.</summary>
    public MachineSettings Settings { get; init; } = new();

    /// <summary>What the operations cost.</summary>
    public CostVector Costs { get; init; } = CostFile.Default;

    /// <summary>Whether to go on where a file is cut off or damaged.</summary>
    public bool IsLenient { get; init; }
}
