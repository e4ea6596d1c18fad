using System.Text.Json.Serialization;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>What is in a trace, whatever it is replayed on.</summary>
public sealed class TraceSummary
{
    /// <summary>The file.</summary>
    public required string File { get; init; }

    /// <summary>Lines read.</summary>
    [JsonInclude]
    public long Lines { get; internal set; }

    /// <summary>What is wrong with the file as a whole, where a lenient replay went on or stopped early; null if nothing is.</summary>
    [JsonInclude]
    public string? Problem { get; internal set; }

    /// <summary>Map events.</summary>
    [JsonInclude]
    public long Maps { get; internal set; }

    /// <summary>Unmap events.</summary>
    [JsonInclude]
    public long Unmaps { get; internal set; }

    /// <summary>Other events.</summary>
    [JsonInclude]
    public long Others { get; internal set; }

    /// <summary>Why nothing of it can be done on a model, or null: it has unmaps and not one map.</summary>
    [JsonIgnore]
    public string? WhyNoMaps => Maps == 0 && Unmaps != 0 ? ForeignForms.OnlyUnmaps : null;

    /// <summary>Lines that are no events.</summary>
    [JsonInclude]
    public long UnknownLines { get; internal set; }

    /// <summary>Events that are known to be missing: overwritten in the buffer, or lost on the way.</summary>
    [JsonInclude]
    public long Lost { get; internal set; }

    /// <summary>Events that the file promises and does not have: it is cut off, or lines were taken out of it. 0 if that is not known.</summary>
    [JsonInclude]
    public long Missing { get; internal set; }

    /// <summary>
    /// Flushes of the IOTLB that were recorded: commands of the queue, or where only those were recorded flushes of cache tags. 0 if none were.
    /// </summary>
    [JsonInclude]
    public long Flushes { get; internal set; }

    /// <summary>
    /// Commands that were recorded on their way into a queue of invalidations, by kind (<see cref="IommuKit.Traces.Audit.InvalidationKinds"/>); empty if
    /// none were. What drivers queue without an event, as waits, is not among them.
    /// </summary>
    [JsonInclude]
    public IReadOnlyDictionary<string, long> Commands { get; internal set; } = new SortedDictionary<string, long>(StringComparer.Ordinal);

    /// <summary>The same by the pages that they name, too.</summary>
    [JsonInclude]
    public IReadOnlyList<CommandCount> CommandBlocks { get; internal set; } = [];

    /// <summary>
    /// Domains that the trace was replayed in: more than one where maps cover pages that were mapped already, and no event is known to be missing.
    /// </summary>
    [JsonInclude]
    public int Domains { get; internal set; } = 1;

    /// <summary>Maps that cover pages which were mapped already, in any domain.</summary>
    [JsonInclude]
    public long MapsOverLive { get; internal set; }

    /// <summary>Line of the first of them; 0 if there is none.</summary>
    [JsonInclude]
    public long FirstMapOverLive { get; internal set; }

    /// <summary>Unmaps of which no page was seen mapped.</summary>
    [JsonInclude]
    public long Orphans { get; internal set; }

    /// <summary>Pages of 4 KiB that are mapped at the end, in all domains.</summary>
    [JsonInclude]
    public ulong LivePages { get; internal set; }

    /// <summary>The most pages that were mapped at a time.</summary>
    [JsonInclude]
    public ulong PeakLivePages { get; internal set; }

    /// <summary>Whether the events have times. Without, nothing can depend on time.</summary>
    [JsonInclude]
    public bool HasTimes { get; internal set; }

    /// <summary>The kind of IOMMU that it was recorded on, by the events or messages of its driver; null if nothing says.</summary>
    [JsonInclude]
    public string? RecordedOn { get; internal set; }

    /// <summary>What else the trace shows of the IOMMU, of <see cref="RecordedTraits"/>.</summary>
    [JsonInclude]
    public IReadOnlyList<string> RecordedTraits { get; internal set; } = [];

    /// <summary>The release of the kernel that it was recorded on; null if the trace does not say.</summary>
    [JsonInclude]
    public string? Kernel { get; internal set; }
}
