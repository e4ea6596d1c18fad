namespace IommuKit.Specs.Smmu3;

/// <summary>Why the command queue stands: CMDQ_CONS.ERR (IHI 0070, section 7.1).</summary>
public enum Smmu3CommandError
{
    /// <summary>CERROR_NONE.</summary>
    None = 0,

    /// <summary>CERROR_ILL: the command is illegal.</summary>
    Illegal = 1,

    /// <summary>CERROR_ABT: the command could not be read.</summary>
    Abort = 2,

    /// <summary>CERROR_ATC_INV_SYNC: a device did not answer an invalidation that the CMD_SYNC waits for.</summary>
    DeviceTimeout = 3,
}
