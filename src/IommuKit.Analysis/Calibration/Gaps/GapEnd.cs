namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>What a task printed next after a flush.</summary>
public enum GapEnd
{
    /// <summary>Another command or flush.</summary>
    Flush,

    /// <summary>A map.</summary>
    Map,

    /// <summary>An unmap.</summary>
    Unmap,

    /// <summary>Something else.</summary>
    Other,
}
