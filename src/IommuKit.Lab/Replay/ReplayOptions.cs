using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay.Devices;

namespace IommuKit.Lab.Replay;

/// <summary>What a replay runs.</summary>
public sealed record ReplayOptions
{
    /// <summary>Kinds of machine.</summary>
    public required IReadOnlyList<IommuKind> Machines { get; init; }

    /// <summary>Policies.</summary>
    public IReadOnlyList<SyncPolicy> Policies { get; init; } = Enum.GetValues<SyncPolicy>();

    /// <summary>How drivers are tuned.</summary>
    public IReadOnlyList<ReplayTuning> Tunings { get; init; } = [new()];

    /// <summary>Which of <see cref="Cases"/> to run; the others of a sweep run elsewhere.</summary>
    public Range Part { get; init; } = Range.All;

    /// <summary>What the operations cost; null takes the costs of each IOMMU.</summary>
    public CostVector? Costs { get; init; }

    /// <summary>Whether to go on where a file is cut off or damaged.</summary>
    public bool IsLenient { get; init; }

    /// <summary>Whether to keep latencies apart by the size of the map or unmap.</summary>
    public bool HasSizes { get; init; }

    /// <summary>Nanoseconds of the trace's clock in one interval of a time series; 0 means no series.</summary>
    public long SeriesInterval { get; init; }

    /// <summary>
    /// A device that uses through the models of the IOMMUs what is mapped; null for none, so that no models are needed.
    /// </summary>
    public DeviceProfile? Device { get; init; }

    /// <summary>Every combination of machine, tuning and policy, in that order.</summary>
    public IReadOnlyList<ReplayCase> Cases =>
    [
        .. from machine in Machines
           from tuning in Tunings
           from policy in Policies
           select new ReplayCase(machine, policy, tuning),
    ];
}
