namespace IommuKit.Traces.Audit;

/// <summary>When unmaps are invalidated, as far as a trace shows it.</summary>
public enum InvalidationMode
{
    /// <summary>No unmap was seen to be invalidated.</summary>
    Unknown,

    /// <summary>At once, with the unmap or the call that it is part of: Linux's strict mode.</summary>
    Strict,

    /// <summary>Later, a domain at a time: Linux's lazy mode.</summary>
    Deferred,

    /// <summary>Some so, some so.</summary>
    Mixed,
}
