namespace IommuKit.Traces.Audit;

/// <summary>How much of the IOTLB an invalidation drops.</summary>
public enum InvalidationScope
{
    /// <summary>A power of two of pages of a domain.</summary>
    Pages,

    /// <summary>A domain.</summary>
    Domain,

    /// <summary>Everything.</summary>
    Global,
}
