using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Replay;

/// <summary>On what IOMMU a trace was recorded, by its beginning: what is to be run may depend on that.</summary>
public static class TraceOrigin
{
    /// <summary>Events that are looked at. What only one driver has is either frequent, or was not recorded.</summary>
    private const int Most = 1 << 16;

    /// <summary>Looks.</summary>
    /// <param name="path">A file that can be read again.</param>
    /// <returns>Its name, as <see cref="TraceSummary.RecordedOn"/>; null if nothing says it, or the file cannot be read.</returns>
    public static string? Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var iommu = new RecordedIommu();
        if (path.Length == 0)
        {
            return null;
        }

        try
        {
            using var reader = TraceFile.Open(path, isLenient: true);
            for (int i = 0; i < Most && iommu.Name is null && reader.Read(out var traceEvent); i++)
            {
                iommu.See(traceEvent, reader);
            }
        }
        catch (InputException)
        {
            // The reader that uses it says what is wrong.
        }

        return iommu.Name;
    }
}
