using System.Globalization;

namespace IommuKit.Lab.Seed;

/// <summary>
/// The measurements in the proposal "iommu: Add range flush operation" (linux-kernel mailing list, 29 September 2015): the time around
/// iommu_map_sg() and iommu_unmap() on a Tegra210, with a flush for every page (before) and one for the range (after).
/// </summary>
public static class SeedTable
{
    /// <summary>The machine of the measurements.</summary>
    public const string Machine = "tegra210";

    private const string Header = "operation,size_label,size_bytes,before_us,after_us,sample";

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

    private static List<SeedRow> Load()
    {
        using var stream = typeof(SeedTable).Assembly.GetManifestResourceStream("seed-table.csv")!;
        using var text = new StreamReader(stream);
        if (text.ReadLine() != Header)
        {
            throw new InvalidOperationException("The proposal's table has other columns.");
        }

        var rows = new List<SeedRow>();
        while (text.ReadLine() is { } line)
        {
            // No field of it has a comma or quotes.
            string[] fields = line.Split(',');
            rows.Add(new SeedRow
            {
                Operation = Enum.Parse<MappingOperation>(fields[0], ignoreCase: true),
                SizeLabel = fields[1],
                SizeBytes = ulong.Parse(fields[2], CultureInfo.InvariantCulture),
                BeforeMicroseconds = double.Parse(fields[3], CultureInfo.InvariantCulture),
                AfterMicroseconds = double.Parse(fields[4], CultureInfo.InvariantCulture),
                Sample = int.Parse(fields[5], CultureInfo.InvariantCulture),
            });
        }

        return rows;
    }
}
