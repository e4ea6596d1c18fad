using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Replay;

/// <summary>How a driver is tuned in a replay.</summary>
public sealed record ReplayTuning
{
    /// <summary>From how many pages on a flush of everything replaces ranges; 0 means never.</summary>
    public int FlushAllPages { get; init; }

    /// <summary>How the machine is to be.</summary>
    public MachineSettings Settings { get; init; } = new();
}
