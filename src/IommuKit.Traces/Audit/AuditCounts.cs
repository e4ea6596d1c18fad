namespace IommuKit.Traces.Audit;

/// <summary>What a trace holds, and what limits what can be said about it.</summary>
internal sealed class AuditCounts
{
    public long Maps { get; set; }

    public long Unmaps { get; set; }

    public long Others { get; set; }

    public long Lost { get; set; }

    public long Damaged { get; set; }

    public long Unknown { get; set; }

    /// <summary>VT-d's own maps and unmaps of Linux until 5.10, of which nothing else is known.</summary>
    public long VtdMappings { get; set; }

    public bool HasTimes { get; set; }

    /// <summary>Events with the time of the event before them.</summary>
    public long Ties { get; set; }

    /// <summary>Events with a time before that of the event before them.</summary>
    public long TimesBackwards { get; set; }

    /// <summary>Unmaps of which no page was seen mapped.</summary>
    public long Orphans { get; set; }

    /// <summary>Maps over pages that were mapped.</summary>
    public long MapsOverLive { get; private set; }

    /// <summary>Line of the first of them.</summary>
    public long FirstMapOverLive { get; private set; }

    /// <summary>Invalidations of the IOTLB.</summary>
    public long Translations { get; set; }

    /// <summary>Of them, those of a device that came or went, which had nothing else to drop.</summary>
    public long ContextChanges { get; set; }

    /// <summary>Of them, those that repeat the one before for another unit or tag.</summary>
    public long Repeats { get; set; }

    /// <summary>Of them, those for the rest of an unmap that was invalidated in parts.</summary>
    public long Tails { get; set; }

    /// <summary>Counts a map over pages that were mapped.</summary>
    public void NoteMapOverLive(long line) => FirstMapOverLive = MapsOverLive++ == 0 ? line : FirstMapOverLive;
}
