using IommuKit.Drivers.Smmu2;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Iommus.Smmu2;

/// <summary>What can be tuned about the driver: see <see cref="Smmu2DriverOptions"/>.</summary>
public static class Smmu2Tuning
{
    /// <summary>From how many invalidations on the whole address space is invalidated.</summary>
    public static TuningOption Threshold { get; } = new(
        "tlbi-threshold", "PAGES", "From this many invalidations for a range on, invalidate the whole address space on SMMUv2 instead. 0: 65,536.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<TuningOption> All { get; } = [Threshold];
}
