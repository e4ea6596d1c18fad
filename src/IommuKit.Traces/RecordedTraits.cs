namespace IommuKit.Traces;

/// <summary>
/// What a trace can show of an IOMMU and its use beyond its name, on which it depends what has to be flushed: <see cref="RecordedIommu.Traits"/>.
/// </summary>
public static class RecordedTraits
{
    /// <summary>
    /// Hardware may cache that an entry is not present, so that maps are flushed too: an emulated unit that shadows tables asks for that.
    /// </summary>
    public const string CachingMode = "caching mode";

    /// <summary>Domains are translated by the first stage.</summary>
    public const string FirstStage = "first stage";

    /// <summary>Devices keep translations of their own, which are flushed too.</summary>
    public const string DeviceTlbs = "device TLBs";
}
