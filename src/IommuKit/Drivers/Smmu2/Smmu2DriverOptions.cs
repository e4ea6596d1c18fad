using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <summary>What firmware knows about an SMMUv1 or SMMUv2, and what can be tuned about its driver.</summary>
public sealed record Smmu2DriverOptions
{
    /// <summary>What Linux does: an invalidation for each page however many there are, tables of AArch64.</summary>
    public static Smmu2DriverOptions Linux { get; } = new() { AddressSpaceThreshold = 0 };

    /// <summary>The version of the architecture, which the hardware does not say.</summary>
    public Smmu2Version Version { get; init; } = Smmu2Version.V2;

    /// <summary>
    /// Whether it is an MMU-500: its lock of ACTLR is taken away and its prefetcher switched off (errata 841119 and 826419), and it caches what
    /// stream matching finds.
    /// </summary>
    public bool IsMmu500 { get; init; }

    /// <summary>The stage of all domains.</summary>
    public Smmu2Stage Stage { get; init; }

    /// <summary>The format of all page tables.</summary>
    public Smmu2TableFormat Format { get; init; }

    /// <summary>Log2 of the granule of tables of AArch64: 12, 14 or 16; 0 for the smallest that the hardware has.</summary>
    public int GranuleLog2 { get; init; }

    /// <summary>Bits of an IOVA in tables of AArch64, 32 to 48: fewer need tables of fewer levels. 0 for the most that there can be.</summary>
    public int InputBits { get; init; }

    /// <summary>
    /// From how many invalidations for one range on, one of the whole address space (by ASID or VMID) replaces them; 0 means 65,536.
    /// </summary>
    public int AddressSpaceThreshold { get; init; } = 512;

    /// <summary>Whether the driver has a range flush. Without it, a domain that asks for one works page by page.</summary>
    public bool HasRangeFlush { get; init; } = true;

    /// <summary>How long hardware may take to answer, before an operation fails with <see cref="TimeoutException"/>.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Refuses what cannot be.</summary>
    internal static void Validate(Smmu2DriverOptions options)
    {
        if (!Enum.IsDefined(options.Stage) || !Enum.IsDefined(options.Format) || !Enum.IsDefined(options.Version))
        {
            throw new ArgumentException($"There is no {options.Version} with {options.Stage} and tables {options.Format}.", nameof(options));
        }

        if (options.GranuleLog2 is not (0 or 12 or 14 or 16)
            || options.InputBits is not (0 or >= 32 and <= 48)
            || options.AddressSpaceThreshold < 0
            || options.Patience <= TimeSpan.Zero)
        {
            throw new ArgumentException(
                $"A driver cannot have GranuleLog2 {options.GranuleLog2}, InputBits {options.InputBits}, AddressSpaceThreshold "
                + $"{options.AddressSpaceThreshold} and Patience {options.Patience}.",
                nameof(options));
        }
    }
}
