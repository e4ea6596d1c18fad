using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Teardown;

/// <summary>What is torn down, and how.</summary>
public sealed record TeardownOptions
{
    /// <summary>Kinds of machine.</summary>
    public required IReadOnlyList<IommuKind> Machines { get; init; }

    /// <summary>Policies.</summary>
    public IReadOnlyList<SyncPolicy> Policies { get; init; } = Enum.GetValues<SyncPolicy>();

    /// <summary>Bytes that the guest has; of an IOMMU whose addresses cannot name so many, as many as they can.</summary>
    public required ulong Size { get; init; }

    /// <summary>Sizes of the pages that it is mapped with, each by itself. What an IOMMU does not have, or the guest not fill, is left out.</summary>
    public IReadOnlyList<ulong> PageSizes { get; init; } = [4 << 10, 2 << 20, 1 << 30];

    /// <summary>Ways of taking it away.</summary>
    public IReadOnlyList<TeardownWay> Ways { get; init; } = Enum.GetValues<TeardownWay>();

    /// <summary>From how many pages on a flush of everything replaces ranges; 0 means never.</summary>
    public int FlushAllPages { get; init; }

    /// <summary>How the machines are to be.</summary>
    public MachineSettings Settings { get; init; } = new();

    /// <summary>What the operations cost; null takes the costs of each IOMMU.</summary>
    public CostVector? Costs { get; init; }

    /// <summary>
    /// Bytes that page tables may take of this computer's memory. A guest whose tables take more is mapped and torn down in windows, one by one.
    /// </summary>
    public ulong MostTableBytes { get; init; } = 128 << 20;
}
