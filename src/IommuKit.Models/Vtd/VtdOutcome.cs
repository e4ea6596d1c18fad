namespace IommuKit.Models.Vtd;

/// <summary>What becomes of a request.</summary>
public enum VtdOutcome
{
    /// <summary>It is stopped, and the reason was recorded if faults of the device are and there was a record left.</summary>
    Fault,

    /// <summary>It is stopped without a record: protected memory, abort mode, or a request that is not served while remapping is off.</summary>
    Blocked,

    /// <summary>It goes on. The answer to a translation request, too, which may be told that nothing is allowed.</summary>
    Allowed,

    /// <summary>It is no access to memory, but asks for an interrupt: see <see cref="VtdModel{TMemory}.TryRemap"/>.</summary>
    Interrupt,
}
