using System.Globalization;
using CsvHelper;

namespace IommuKit.Lab.Seed;

/// <summary>
/// The measurements in the proposal "iommu: Add range flush operation" (linux-kernel mailing list, 29 September 2015): the time around
/// iommu_map_sg() and iommu_unmap() on a Tegra210, with a flush for every page (before) and one for the range (after).
/// </summary>
public static class SeedTable
{
    /// <summary>The machine of the measurements.</summary>
    public const string Machine = "tegra210";

    private static readonly Lazy<IReadOnlyList<SeedRow>> LazyRows = new(Load);

    /// <summary>The 24 rows. The values before and after in a row are independent samples, not pairs.</summary>
    public static IReadOnlyList<SeedRow> Rows => LazyRows.Value;

    /// <summary>The samples of one operation and size.</summary>
    /// <param name="operation">What was measured.</param>
    /// <param name="sizeBytes">The size.</param>
    /// <param name="isBefore">Which of the two states.</param>
    /// <returns>Null if that was not measured.</returns>
    public static SampleSummary? Find(MappingOperation operation, ulong sizeBytes, bool isBefore)
    {
        double[] samples = [.. Rows
            .Where(row => row.Operation == operation && row.SizeBytes == sizeBytes)
            .Select(row => isBefore ? row.BeforeMicroseconds : row.AfterMicroseconds)];
        return samples.Length == 0 ? null : new SampleSummary(samples.Average(), samples.Min(), samples.Max(), samples.Length);
    }

    private static IReadOnlyList<SeedRow> Load()
    {
        using var stream = typeof(SeedTable).Assembly.GetManifestResourceStream("seed-table.csv")!;
        using var csv = new CsvReader(new StreamReader(stream), CultureInfo.InvariantCulture);
        return [.. csv.GetRecords<SeedRow>()];
    }
}
