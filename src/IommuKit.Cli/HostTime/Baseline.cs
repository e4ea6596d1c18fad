namespace IommuKit.Cli.HostTime;

/// <summary>
/// What others need for the same work, measured on another machine: only for the ratio to that machine's own store limit. The work of others is with
/// pages of 4 KiB and four levels, and without locks, tracing and IOVA allocation.
/// </summary>
/// <param name="Pages">Leaves in the operation.</param>
/// <param name="Linux61">Nanoseconds of Linux 6.1's io-pgtable-arm, gcc -O2.</param>
/// <param name="Linux72">
/// Nanoseconds of Linux 7.2's generic_pt in the format of VT-d's second stage, gcc -O2; null where nothing was measured.
/// </param>
/// <param name="Ceiling">
/// Nanoseconds of hand-written C# that checks arguments, walks, refuses what is mapped and stores, and does
/// nothing else; null where nothing was measured.
/// </param>
internal sealed record Baseline(int Pages, double Linux61, double? Linux72, double? Ceiling)
{
    /// <summary>The store limit of that machine: nanoseconds for one entry of 8 bytes.</summary>
    public const double FillNanoseconds = 0.078;

    /// <summary>What it was measured on.</summary>
    public const string Source = "measured on another machine: 2-vCPU x86-64, Zen 3 class, gcc 12.2 and .NET 10.0.12";

    private static readonly Dictionary<string, Baseline> Measured = new(StringComparer.Ordinal)
    {
        [BenchWork.MapPage] = new(1, 19.1, 38.4, 5.6),
        [BenchWork.UnmapPage] = new(1, 16.4, 47.5, 3.8),
        [BenchWork.LookUpHot] = new(1, 10.2, 30.3, 3.6),
        [BenchWork.LookUpRandom] = new(1, 16.1, 52.0, 7.5),
        [BenchWork.LookUpDependent] = new(1, 25.5, 50.3, 27.4),
        [BenchWork.MapPages] = new(32, 65.8, 103, 14.1),
        [BenchWork.UnmapPages] = new(32, 92.4, 89.2, 13.5),
        [BenchWork.MapTable] = new(500, 500 * 1.32, 500 * 1.38, 500 * 0.21),
        [BenchWork.UnmapTable] = new(500, 500 * 2.22, 500 * 1.64, 500 * 0.22),
        [BenchWork.MapBlock] = new(1, 17.7, 62.5, null),
        [BenchWork.UnmapBlock] = new(1, 14.9, 42.0, null),
        [BenchWork.ColdMapPage] = new(1, 220, 260, null),
        [BenchWork.ColdMapTables] = new(4608, 4608 * 1.46, 4608 * 1.44, null),
        [BenchWork.DropTwo] = new(1024, 40, null, null),
        [BenchWork.DropNine] = new(4608, 100, 7300, null),
    };

    // Tables of 512 entries of 8 bytes in four levels, pages of 4K and blocks of 2M, at the widths that the bench has. Other shapes do not compare.
    private static readonly HashSet<string> Comparable = new(StringComparer.Ordinal)
    {
        "arm-lpae-4k-s1",
        "arm-lpae-4k-s2",
        "vtd-ss",
        "riscv-sv48",
        "x86-64",
        "amd-v1",
    };

    /// <summary>
    /// What others need for the work of a row, or null if that was not measured, not with so many pages, or not with
    /// tables of the shape that the row's have.
    /// </summary>
    public static Baseline? For(FormatBenchRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Level == BenchLevel.Engine && Comparable.Contains(row.Format)
            && Measured.TryGetValue(row.Work, out var baseline) && baseline.Pages == row.Pages
            ? baseline
            : null;
    }

    /// <summary>How many times that machine's store limit one leaf costs.</summary>
    public double TimesFill(double nanoseconds) => nanoseconds / Pages / FillNanoseconds;
}
