namespace IommuKit.Traces.Faults;

/// <summary>What a device tried to do.</summary>
public enum FaultDirection
{
    /// <summary>It is not said.</summary>
    Unknown,

    /// <summary>It read memory.</summary>
    Read,

    /// <summary>It wrote to memory.</summary>
    Write,
}
