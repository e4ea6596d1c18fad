namespace IommuKit.Traces.Faults;

/// <summary>
/// What the fault reasons of VT-d mean (Intel VT-d specification, "Translation Fault Conditions" and "Interrupt Remapping Fault Conditions").
/// </summary>
internal static class VtdReasons
{
    public const uint FirstOfInterrupts = 0x20;
    public const uint LastOfInterrupts = 0x2f;

    /// <summary>What a reason proves, and what it means; null for reasons that are not known here.</summary>
    public static (FaultEvidence Evidence, string? Words) Of(uint code) => code switch
    {
        0x01 => (FaultEvidence.Device, "no table for the device's bus (root entry not present)"),
        0x02 => (FaultEvidence.Device, "the device is not attached to any domain (context entry not present)"),
        0x03 => (FaultEvidence.Device, "the device's context entry is invalid"),
        0x04 => (FaultEvidence.Absent, "the IOVA is wider than the hardware or the domain translates"),
        0x05 => (FaultEvidence.None, "the table has no write permission there (no entry at all looks the same)"),
        0x06 => (FaultEvidence.None, "the table has no read permission there (no entry at all looks the same)"),
        0x07 => (FaultEvidence.None, "a table that the walk went through has an address that cannot be read"),
        0x08 => (FaultEvidence.Device, "the root table cannot be read"),
        0x09 => (FaultEvidence.Device, "the context table cannot be read"),
        0x0a => (FaultEvidence.Device, "reserved bits are set in the root entry"),
        0x0b => (FaultEvidence.Device, "reserved bits are set in the context entry"),
        0x0c => (FaultEvidence.None, "reserved bits are set in a table entry"),
        0x0d => (FaultEvidence.Device, "the device's context entry blocks translation requests"),
        >= FirstOfInterrupts and <= LastOfInterrupts => (FaultEvidence.NotMemory, null),
        >= 0x30 and <= 0x5b => (FaultEvidence.Device, null),
        0x71 => (FaultEvidence.Absent, "the first-level table has no entry there"),
        0x78 => (FaultEvidence.Absent, "the second-level table has no entry there"),
        0x79 => (FaultEvidence.None, "the second-level table has no read permission there"),
        0x7a => (FaultEvidence.None, "the second-level table has no write permission there"),
        0x80 => (FaultEvidence.Absent, "the IOVA is not canonical"),
        0x81 => (FaultEvidence.Permission, "the first-level table keeps the page for the supervisor"),
        0x85 => (FaultEvidence.Permission, "the first-level table has no write permission there"),
        _ => (FaultEvidence.None, null),
    };
}
