using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Replay;

/// <summary>What the beginning of a trace says of the IOMMU that it was recorded on: what is to be run may depend on that.</summary>
/// <param name="Iommu">Its name, as <see cref="TraceSummary.RecordedOn"/>; null if nothing says it, or the file cannot be read.</param>
/// <param name="LastIova">The last IOVA that was mapped, as far as was looked: until the name was found, if it was. 0 if none was.</param>
public readonly record struct TraceOrigin(string? Iommu, ulong LastIova)
{
    /// <summary>Events that are looked at. What only one driver has is either frequent, or was not recorded.</summary>
    private const int Most = 1 << 16;

    /// <summary>Looks.</summary>
    /// <param name="path">A file that can be read again.</param>
    public static TraceOrigin Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var iommu = new RecordedIommu();
        ulong last = 0;
        if (path.Length == 0)
        {
            return default;
        }

        try
        {
            using var reader = TraceFile.Open(path, isLenient: true);
            for (int i = 0; i < Most && iommu.Name is null && reader.Read(out var traceEvent); i++)
            {
                iommu.See(traceEvent, reader);
                last = traceEvent is { Kind: TraceEventKind.Map, Size: not 0 } ? Math.Max(last, traceEvent.LastIova) : last;
            }
        }
        catch (InputException)
        {
            // The reader that uses it says what is wrong.
        }

        return new TraceOrigin(iommu.Name, last);
    }
}
