using System.Globalization;

namespace IommuKit.Linux.Host;

/// <summary>A range of IOVAs that nothing may be mapped at in a group's domain, or that is mapped 1:1 there.</summary>
/// <param name="First">The first IOVA.</param>
/// <param name="Last">The last IOVA.</param>
/// <param name="Kind">As the kernel names it: "direct", "direct-relaxable", "reserved" or "msi".</param>
public readonly record struct ReservedRegion(ulong First, ulong Last, string Kind)
{
    private const int MostRegions = 256;

    /// <summary>Reads lines of <c>reserved_regions</c>, such as "0x00000000fee00000 0x00000000feefffff msi". Others are left out.</summary>
    internal static IReadOnlyList<ReservedRegion> ReadAll(string text)
    {
        var regions = new List<ReservedRegion>();
        foreach (string line in text.Split('\n').Take(MostRegions))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 3 && TryReadHex(parts[0], out ulong first) && TryReadHex(parts[1], out ulong last) && first <= last)
            {
                regions.Add(new ReservedRegion(first, last, parts[2]));
            }
        }

        return regions;
    }

    private static bool TryReadHex(string text, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
