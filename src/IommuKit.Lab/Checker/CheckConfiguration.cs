using IommuKit.Domains;
using IommuKit.Lab.Checker.Machines;
using IommuKit.PageTables;

namespace IommuKit.Lab.Checker;

/// <summary>Something to check: an IOMMU with a policy.</summary>
/// <param name="Target">The IOMMU.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Release">When tables are given back.</param>
public sealed record CheckConfiguration(CheckTarget Target, SyncPolicy Policy, TableRelease Release)
{
    // Few enough that a short scenario fills it.
    private const int DeferredCapacity = 2;

    /// <summary>Builds a machine.</summary>
    public CheckedMachine CreateMachine() => Target.Create(new CheckSettings
    {
        Domain = new DomainOptions
        {
            Policy = Policy,
            Release = Release,
            PageSizes = Target.PageSizes,
            FlushAllPages = Target.FlushAllPages,
            DeferredCapacity = DeferredCapacity,
            DeferredAge = TimeSpan.FromDays(1),
        },
        Pages = Target.Layout.Pages,
        PoolBytes = Target.PoolBytes,
        SectionThreshold = Target.SectionThreshold,
        AsidThreshold = Target.AsidThreshold,
    });

    /// <inheritdoc/>
    public override string ToString() => $"{Target.Name}/{Policy}/{Release}";
}
