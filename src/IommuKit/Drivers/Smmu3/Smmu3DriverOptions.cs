namespace IommuKit.Drivers.Smmu3;

/// <summary>What can be tuned about the driver of an SMMUv3.</summary>
public sealed record Smmu3DriverOptions
{
    /// <summary>
    /// What Linux 6.12 does: exact ranges with a page more where the encoding needs it, never the whole address space for a range, no message at the
    /// end of a CMD_SYNC but an event for waiting CPUs.
    /// </summary>
    public static Smmu3DriverOptions Linux612 { get; } = new() { RangeEncoding = Smmu3RangeEncoding.Padded, AddressSpaceThreshold = 0, WakesOnSync = true };

    /// <summary>What Linux 7.2 does: for ranges the same as 6.12.</summary>
    public static Smmu3DriverOptions Linux72 { get; } = Linux612 with { };

    /// <summary>The stage of all domains.</summary>
    public Smmu3Stage Stage { get; init; }

    /// <summary>Log2 of the granule of all domains: 12, 14 or 16; 0 for the smallest that the hardware has.</summary>
    public int GranuleLog2 { get; init; }

    /// <summary>Bits of an IOVA, 32 to 48: fewer need tables of fewer levels. 0 for the most that the stage has.</summary>
    public int InputBits { get; init; }

    /// <summary>How ranges are encoded where the hardware has invalidation of ranges.</summary>
    public Smmu3RangeEncoding RangeEncoding { get; init; } = Smmu3RangeEncoding.Exact;

    /// <summary>
    /// Whether invalidations of ranges are used where the hardware has them. Without, each page is a command of its own.
    /// </summary>
    public bool UsesRanges { get; init; } = true;

    /// <summary>
    /// From how many commands for one range on, an invalidation of the whole address space (by ASID or VMID) replaces them; 0 means 65,536, which only
    /// ranges on hardware without commands for them take.
    /// </summary>
    public int AddressSpaceThreshold { get; init; } = 512;

    /// <summary>Whether the driver has a range flush. Without it, a domain that asks for one works page by page.</summary>
    public bool HasRangeFlush { get; init; } = true;

    /// <summary>
    /// Whether the end of a CMD_SYNC is seen by a message that the SMMU stores over the command, rather than by reads of a register. Only where the
    /// hardware has messages and snoops the CPU's caches.
    /// </summary>
    public bool UsesMessages { get; init; }

    /// <summary>
    /// Whether a CMD_SYNC asks for an event that wakes waiting CPUs, which hardware without such events ignores; nobody sleeps for it here.
    /// </summary>
    public bool WakesOnSync { get; init; }

    /// <summary>Whether a stream table of two levels is used where the hardware has it and the StreamIDs do not fit into a small linear one.</summary>
    public bool UsesTwoLevelStreams { get; init; } = true;

    /// <summary>
    /// Whether the second level of a stream table comes when the first of its devices leaves the state in which everything is aborted, rather than at
    /// the start. Until then what its devices try is in the event queue, and takes no memory.
    /// </summary>
    public bool MakesStreamTablesLate { get; init; }

    /// <summary>
    /// Whether each invalidation is issued twice with a CMD_SYNC behind it, as the erratum of Tegra264 wants: all of those that an operation hands over
    /// together, then all of them again. It costs as many commands again, and no second wait.
    /// </summary>
    public bool IssuesInvalidationsTwice { get; init; }

    /// <summary>Log2 of the commands in the command queue, 0 to 14; no more than the hardware allows.</summary>
    public int CommandQueueLog2 { get; init; } = 10;

    /// <summary>Log2 of the records in the event queue, 0 to 13; no more than the hardware allows.</summary>
    public int EventQueueLog2 { get; init; } = 8;

    /// <summary>How long hardware may take to answer, before an operation fails with <see cref="TimeoutException"/>.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Refuses what cannot be.</summary>
    internal static void Validate(Smmu3DriverOptions options)
    {
        if (!Enum.IsDefined(options.Stage) || !Enum.IsDefined(options.RangeEncoding))
        {
            throw new ArgumentException($"There is no stage {options.Stage} or encoding {options.RangeEncoding}.", nameof(options));
        }

        if (options.GranuleLog2 is not (0 or 12 or 14 or 16)
            || options.InputBits is not (0 or >= 32 and <= 48)
            || options.AddressSpaceThreshold < 0
            || options.CommandQueueLog2 is < 0 or > Smmu3CommandQueue.MaxLog2
            || options.EventQueueLog2 is < 0 or > Smmu3EventQueue.MaxLog2
            || options.Patience <= TimeSpan.Zero)
        {
            throw new ArgumentException(
                $"A driver cannot have GranuleLog2 {options.GranuleLog2}, InputBits {options.InputBits}, AddressSpaceThreshold "
                + $"{options.AddressSpaceThreshold}, CommandQueueLog2 {options.CommandQueueLog2}, EventQueueLog2 {options.EventQueueLog2} and Patience "
                + $"{options.Patience}.",
                nameof(options));
        }
    }
}
