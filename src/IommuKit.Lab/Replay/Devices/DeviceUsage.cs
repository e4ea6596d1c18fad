namespace IommuKit.Lab.Replay.Devices;

/// <summary>What a device's accesses took of the IOMMU in a replay.</summary>
/// <param name="Device">The name of the profile.</param>
/// <param name="Pages">Pages of data that it used, of 4 KiB.</param>
/// <param name="Accesses">Accesses in all, with those of descriptors.</param>
/// <param name="TlbMisses">Of them, those that needed a walk.</param>
/// <param name="TableReads">Entries of page tables that walks read from memory.</param>
/// <param name="Faults">Accesses that were stopped.</param>
/// <param name="Gigabits">What the device moves at most at that rate, in gigabits per second.</param>
/// <param name="MostGigabits">What it moves at most if no table is read.</param>
public sealed record DeviceUsage(
    string Device, long Pages, long Accesses, long TlbMisses, long TableReads, long Faults, double Gigabits, double MostGigabits)
{
    /// <summary>What it received, if that was made up; null of a trace.</summary>
    public NicTraffic? Traffic { get; init; }

    /// <summary>What rates are for: pages of data, or of traffic that is made up packets that were received, each of a page.</summary>
    public long Received => Pages - (Traffic?.Acknowledgements ?? 0);

    /// <summary>Misses of the TLB for each page of data.</summary>
    public double TlbMissesPerPage => PerPage(TlbMisses);

    /// <summary>
    /// Reads of tables beyond the last entry of each walk, for each page of data: pointers that no walk cache had. Where a cache answers even last
    /// entries it may be 0 although it missed.
    /// </summary>
    public double WalkCacheMissesPerPage => PerPage(Math.Max(0, TableReads - TlbMisses));

    /// <summary>Reads of tables for each page of data.</summary>
    public double ReadsPerPage => PerPage(TableReads);

    private double PerPage(long count) => Received <= 0 ? 0 : (double)count / Received;
}
