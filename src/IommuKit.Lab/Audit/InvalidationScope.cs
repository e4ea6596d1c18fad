namespace IommuKit.Lab.Audit;

/// <summary>How much of the IOTLB an invalidation drops.</summary>
internal enum InvalidationScope
{
    /// <summary>A power of two of pages of a domain.</summary>
    Pages,

    /// <summary>A domain.</summary>
    Domain,

    /// <summary>Everything.</summary>
    Global,
}
