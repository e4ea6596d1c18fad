namespace IommuKit.Traces.Faults;

/// <summary>What the hardware says of the translation that failed, beyond that it did.</summary>
public enum FaultEvidence
{
    /// <summary>It does not tell an absent entry from one without the permission.</summary>
    None,

    /// <summary>There was no entry for the IOVA.</summary>
    Absent,

    /// <summary>There was an entry, and it does not allow the access.</summary>
    Permission,

    /// <summary>The device is not let through at all, or its tables are damaged; the IOVA does not matter.</summary>
    Device,

    /// <summary>It was no access to memory: an interrupt, or a command.</summary>
    NotMemory,
}
