namespace IommuKit.Models.Smmu3;

/// <summary>How a stage's tables are read.</summary>
[Flags]
internal enum Smmu3StageFlags
{
    None = 0,

    /// <summary>Stage 2.</summary>
    Second = 1 << 0,

    /// <summary>DS: addresses of 52 bits with a small granule.</summary>
    Lpa2 = 1 << 1,

    /// <summary>64 KiB granule: bits 51:48 of an address are in bits 15:12.</summary>
    WideDescriptors = 1 << 2,

    BigEndian = 1 << 3,

    /// <summary>AFFD.</summary>
    IgnoresAccessFlag = 1 << 4,

    /// <summary>HA.</summary>
    SetsAccessFlag = 1 << 5,

    /// <summary>HD, with HA.</summary>
    SetsDirtyState = 1 << 6,

    /// <summary>HAD.</summary>
    IgnoresTableLimits = 1 << 7,

    /// <summary>WXN.</summary>
    WriteExecuteNever = 1 << 8,

    /// <summary>PAN.</summary>
    PrivilegedAccessNever = 1 << 9,

    /// <summary>EPAN.</summary>
    ExtendedPan = 1 << 10,

    /// <summary>EL2 without E2H: everything is privileged.</summary>
    OneRange = 1 << 11,

    /// <summary>S2FWB.</summary>
    ForcesWriteBack = 1 << 12,

    /// <summary>XNX.</summary>
    ExecutesByLevel = 1 << 13,
}
