using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <summary>How a driver invalidates: the same for all of its domains.</summary>
/// <param name="Version">The version of the architecture.</param>
/// <param name="IsStage2">Whether domains are of stage 2.</param>
/// <param name="Is64">Whether tables are of AArch64.</param>
/// <param name="EntrySizes">What one entry of a table can map.</param>
/// <param name="MostInvalidations">From how many on the whole address space is invalidated.</param>
internal sealed record Smmu2Invalidations(Smmu2Version Version, bool IsStage2, bool Is64, ulong EntrySizes, int MostInvalidations)
{
    /// <summary>Whether there are none by address.</summary>
    public bool IsWholeOnly => IsStage2 && Version == Smmu2Version.V1;
}
