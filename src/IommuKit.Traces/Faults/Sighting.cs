namespace IommuKit.Traces.Faults;

/// <summary>A fault where it shows in a trace, or where its time in the log puts it.</summary>
internal sealed class Sighting
{
    /// <summary>What is said of it; where both an event and a message are there, the message.</summary>
    public required LoggedFault Fault { get; set; }

    /// <summary>Its line in the trace; 0 if it does not show there.</summary>
    public long Line { get; init; }

    /// <summary>Its time of the trace's clock; negative if it has none.</summary>
    public long Nanoseconds { get; set; } = -1;

    /// <summary>Whether it is an event io_page_fault that no message was found for yet.</summary>
    public bool IsEvent { get; set; }

    /// <summary>Whether an event io_page_fault tells of it.</summary>
    public bool HasEvent { get; init; }

    /// <summary>Its line in the log; 0 if it does not show there.</summary>
    public long LogLine { get; set; }

    /// <summary>What the trace said of the page then; null if the fault has no IOVA or its place in the trace is not known.</summary>
    public PageState? State { get; set; }

    /// <summary>Why its place in the trace is not known, or null.</summary>
    public string? WhyNoPlace { get; set; }

    /// <summary>The domain of VT-d that the device was in; -1 if it is not known.</summary>
    public int DeviceDomain { get; set; } = -1;

    /// <summary>The domain of VT-d whose pages were invalidated when what was mapped then was unmapped later; -1 if that was not seen.</summary>
    public int MapDomain { get; set; } = -1;

    /// <summary>The PCI function that the stream most likely is; null if that does not show.</summary>
    public string? LikelyDevice { get; set; }

    /// <summary>For whom else what was there was mapped, where that shows: names of devices; null otherwise.</summary>
    public string? Others { get; set; }

    /// <summary>The same of the page before it.</summary>
    public string? OthersBelow { get; set; }

    /// <summary>Whether events were missing in the trace up to it.</summary>
    public bool IsAfterLoss { get; set; }

    /// <summary>Whether the trace shows where its device came into a domain, so that it has all that was mapped for the device.</summary>
    public bool HasWholeHistory { get; set; }

    /// <summary>Whether the trace had no map or unmap of anything yet.</summary>
    public bool IsBeforeMappings { get; set; }
}
