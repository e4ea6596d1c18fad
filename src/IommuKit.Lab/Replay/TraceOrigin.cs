using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Replay;

/// <summary>What the beginning of a trace says of the IOMMU and the kernel that it was recorded on: what is to be run may depend on that.</summary>
public sealed record TraceOrigin
{
    /// <summary>Events that are looked at. What only one driver has is either frequent, or was not recorded.</summary>
    private const int Most = 1 << 16;

    /// <summary>The IOMMU's name, as <see cref="TraceSummary.RecordedOn"/>; null if nothing says it, or the file cannot be read.</summary>
    public string? Iommu { get; init; }

    /// <summary>What else shows of it, of <see cref="RecordedTraits"/>.</summary>
    public IReadOnlyList<string> Traits { get; init; } = [];

    /// <summary>The release of the kernel; null if nothing says it.</summary>
    public string? Kernel { get; init; }

    /// <summary>The last IOVA that was mapped. 0 if none was.</summary>
    public ulong LastIova { get; init; }

    /// <summary>Looks.</summary>
    /// <param name="path">A file that can be read again.</param>
    public static TraceOrigin Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var iommu = new RecordedIommu();
        string? kernel = null;
        ulong last = 0;
        if (path.Length == 0)
        {
            return new TraceOrigin();
        }

        try
        {
            using var reader = TraceFile.Open(path, isLenient: true);
            for (int i = 0; i < Most && reader.Read(out var traceEvent); i++)
            {
                iommu.See(traceEvent, reader);
                last = traceEvent is { Kind: TraceEventKind.Map, Size: not 0 } ? Math.Max(last, traceEvent.LastIova) : last;
            }

            kernel = reader.Kernel;
        }
        catch (InputException)
        {
            // The reader that uses it says what is wrong.
        }

        return new TraceOrigin { Iommu = iommu.Name, Traits = iommu.Traits, Kernel = kernel, LastIova = last };
    }

    /// <summary>
    /// The kind that comes closest to what it was recorded on: of that name, with its traits, rather the first of them than those behind, with nothing
    /// special that does not show, and wide enough for its IOVAs if one is. Null if there is no such kind, or the trace does not say what it was recorded on.
    /// </summary>
    /// <param name="kinds">The kinds that there are; of those that are equally close the first is taken.</param>
    public IommuKind? KindIn(IEnumerable<IommuKind> kinds)
    {
        ArgumentNullException.ThrowIfNull(kinds);
        List<IommuKind> left = [.. kinds.Where(kind => Iommu is not null && kind.RecordedOn == Iommu && !kind.RecordedTraits.Except(Traits, StringComparer.Ordinal).Any())];
        var close = left.Order(Comparer<IommuKind>.Create(Compare)).ToList();
        return close.Find(kind => CanTranslate(kind, LastIova)) ?? close.FirstOrDefault();
    }

    /// <summary>Whether a kind has room for an IOVA.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="iova">The IOVA.</param>
    public static bool CanTranslate(IommuKind kind, ulong iova)
    {
        ArgumentNullException.ThrowIfNull(kind);
        using var machine = kind.Create(new MachineSettings { HasModel = false });
        using var domain = machine.CreateDomain(new DomainOptions());
        return iova <= domain.ApertureEnd;
    }

    /// <summary>The first trait that only one of two kinds has decides.</summary>
    private int Compare(IommuKind one, IommuKind other) => Traits
        .Select(trait => other.RecordedTraits.Contains(trait, StringComparer.Ordinal).CompareTo(one.RecordedTraits.Contains(trait, StringComparer.Ordinal)))
        .FirstOrDefault(order => order != 0);
}
