namespace IommuKit.Traces.Faults;

/// <summary>Why a device faulted. The order is that of severity: how much harm the cause can do, and how much it says.</summary>
public enum FaultCause
{
    /// <summary>
    /// The IOVA had been mapped and was unmapped before the access: the device, or its driver, went on using memory that was given back.
    /// </summary>
    UsedAfterUnmap,

    /// <summary>The IOVA was not mapped, and the page before it was: the access ran over the end.</summary>
    PastTheEnd,

    /// <summary>The IOVA was mapped at the time: the direction or the permission is wrong. Which, a trace does not say.</summary>
    NoPermission,

    /// <summary>The IOVA was never mapped, as far as the trace goes back.</summary>
    NeverMapped,

    /// <summary>The device as a whole is not let through, or its configuration is damaged; the IOVA does not matter.</summary>
    DeviceRefused,

    /// <summary>It cannot be told.</summary>
    Unknown,
}
