namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>What of the hardware and its use a decoder has to know, as commands do not say it.</summary>
[Flags]
internal enum Smmu3Hardware
{
    /// <summary>As the architecture has it, with one stage.</summary>
    Plain = 0,

    /// <summary>A guest's stage 1 is on top of the domains.</summary>
    IsNested = 1,

    /// <summary>
    /// The erratum of Tegra264: CFGI and TLBI have an effect only if the same command was issued before a CMD_SYNC already, and had none.
    /// </summary>
    NeedsTwo = 2,
}
