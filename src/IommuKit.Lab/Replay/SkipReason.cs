namespace IommuKit.Lab.Replay;

/// <summary>Why an event of a trace was not replayed, or not wholly.</summary>
public enum SkipReason
{
    /// <summary>Its IOVAs are beyond what the IOMMU can translate.</summary>
    BeyondAperture,

    /// <summary>It maps to physical addresses that the IOMMU cannot hold.</summary>
    BeyondPhysicalWidth,

    /// <summary>It maps pages that are mapped: several domains in one trace, or lost events.</summary>
    OverLiveMapping,

    /// <summary>It unmaps pages that are not mapped here: their map was skipped, lost, or belongs to another domain.</summary>
    NotMapped,

    /// <summary>There was no memory for page tables.</summary>
    NoTableMemory,

    /// <summary>It is not made of whole pages of the page table.</summary>
    Misaligned,

    /// <summary>It is one of VT-d's own events of Linux until 5.10, which are not read: <see cref="Traces.TraceEventKind.VtdMapping"/>.</summary>
    VtdMapping,

    /// <summary>The line is damaged.</summary>
    Damaged,
}
