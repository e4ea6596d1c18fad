namespace IommuKit.Checker.Shadow;

/// <summary>
/// What hardware may do on its own between a page table and a device. The checker knows it from the architecture, not from the driver.
/// </summary>
public sealed record ShadowTraits
{
    /// <summary>Whether walkers see the CPU's stores at once.</summary>
    public required bool HasCoherentWalk { get; init; }

    /// <summary>
    /// Where walkers see the CPU's stores: whether they may see one that takes an entry away only after the CPU's next full memory barrier, while the
    /// CPU goes on to what it reads next.
    /// </summary>
    public bool HasStoreBuffer { get; init; }

    /// <summary>Whether a translation that is not present may be remembered.</summary>
    public required bool CachesInvalidEntries { get; init; }

    /// <summary>Bytes in a line of the cache of table memory, which is looked up by physical address; 0 if there is none.</summary>
    public int TableCacheLine { get; init; }

    /// <summary>Whether pointers to tables are remembered by IOVA.</summary>
    public bool HasWalkCache { get; init; }

    /// <summary>Whether devices keep translations of their own, which they ask the hardware for (ATS).</summary>
    public bool HasDeviceTlbs { get; init; }

    /// <summary>
    /// Whether hardware may remember that an entry in memory gives a device no address space; if not, one that it gives is seen at once.
    /// </summary>
    public bool CachesAbsentRoutes { get; init; } = true;

    /// <summary>
    /// Bytes of IOVA that invalidations of translations can be for, smallest first; the last may be larger than all
    /// IOVAs. Empty if there is one for any range.
    /// </summary>
    public IReadOnlyList<ulong> DropSizes { get; init; } = [];

    /// <summary>
    /// Whether translations of address spaces that nobody uses yet may be anything: what their last owner left, or by the power coming
    /// up.
    /// </summary>
    public bool StartsUnknown { get; init; }

    /// <summary>Whether commands take effect late, so that somebody has to wait for them.</summary>
    public bool HasPostedCommands { get; init; }

    /// <summary>Bytes in a line of the CPU's cache.</summary>
    public int CpuLine { get; init; } = 64;
}
