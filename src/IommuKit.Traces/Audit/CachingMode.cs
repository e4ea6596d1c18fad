namespace IommuKit.Traces.Audit;

/// <summary>
/// Whether the hardware may cache entries that are not present (CAP.CM, VT-d specification, section 6.1), as far as a trace shows it.
/// </summary>
public enum CachingMode
{
    /// <summary>Nothing shows it.</summary>
    Unknown,

    /// <summary>Maps were not followed by invalidations, which Linux would not leave out in caching mode.</summary>
    Off,

    /// <summary>The kernel invalidated what it invalidates in caching mode only.</summary>
    On,
}
