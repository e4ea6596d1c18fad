namespace IommuKit.Models.Smmu2;

/// <summary>How a stage's tables are read.</summary>
[Flags]
internal enum Smmu2StageFlags
{
    None = 0,

    /// <summary>EPD or PD: nothing is walked, everything faults. Also where registers say what cannot be.</summary>
    Disabled = 1 << 0,

    BigEndian = 1 << 1,

    /// <summary>AFE, of short tables.</summary>
    AccessFlag = 1 << 2,

    /// <summary>TRE, of short tables.</summary>
    Remap = 1 << 3,

    /// <summary>PTW: walks of stage 1 may not reach devices.</summary>
    ProtectedWalks = 1 << 4,

    /// <summary>The first table has an address that is too wide.</summary>
    RootTooWide = 1 << 5,

    /// <summary>AFFD: access flags do not count.</summary>
    IgnoresAccessFlag = 1 << 6,

    /// <summary>WXN: what may be written is not executed.</summary>
    WriteExecuteNever = 1 << 7,

    /// <summary>UWXN: what unprivileged accesses may write is not executed.</summary>
    UnprivilegedWriteExecuteNever = 1 << 8,
}
